"""The rows of the scorecard: what has to survive, how much of it is played, by which tests, and their controls.

What belongs here: a row's declaration. How it is run and reported is the matter of its neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One row.

    Attributes:
        name: Of failures R and a number, of attacks S and a number.
        what: What is done, and what has to hold.
        unit: What is counted.
        full: How many of these are its full size; 0 where it depends on what there is, and all of it is played.
        short: How many are played in `make test`.
        tests: What pytest is told to run; nothing where there is no test of it yet.
        controls: Tests that plant the fault where the safeguard is missing, and see it.
        counted: Whether each of its tests counts as one; else they tell by `size.record`.
        beside: How many processes pytest is given.
    """

    name: str
    what: str
    unit: str
    full: int
    short: int = 0
    tests: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    counted: bool = False
    beside: int = 0


_TABLES = "tests/store/test_delta_tables.py"
_FAULTS = "tests/test_bucket_faults.py"
_AT_ONCE = "tests/store/test_commits_at_once.py"
_SSRF = "tests/ingest/urls/test_ssrf.py"
_ARCHIVES = "tests/ingest/test_archive_attacks.py"
_PRODUCTION = "tests/deploy/test_production.py"
_PIECES, _SAME = "tests/engines/test_pieces.py", "tests/engines/test_same_bytes.py"

_ROWS = (
    Row(
        "R1",
        "A partition's run is killed with `kill -9` at a random moment, then run again: nothing half done is seen, "
        "nothing is lost or doubled, the tables are those of a clean run.",
        "kills",
        300,
        1,
        ("tests/test_crash.py::test_a_killed_run_leaves_nothing_half_done_and_the_next_one_finishes",),
        ("tests/test_crash.py::test_the_comparison_sees_a_lost_row",),
        beside=2,
    ),
    Row(
        "R2",
        "A bucket fails at a mutation of a day: 503 before and after, no answer, resets, a lost answer, 100 bytes a "
        "second, a body cut short, 409, gone for good; of a partition's run each at every mutation, of the whole "
        "dataset's one in turn at every mutation. The store is as before or as after, success is never said falsely, "
        "the next run gives the state of a clean one.",
        "faults",
        0,
        2,
        (f"{_FAULTS}::test_a_fault_leaves_the_old_or_the_new_state_and_the_next_run_mends",),
        (
            f"{_FAULTS}::test_a_partition_that_is_half_there_is_seen",
            f"{_FAULTS}::test_success_that_is_said_falsely_is_seen",
            f"{_FAULTS}::test_a_file_that_no_manifest_names_is_seen_after_success_alone",
            "tests/s3_proxy/test_faults.py::test_a_fault_is_what_it_says",
        ),
        beside=2,
    ),
    Row(
        "R3",
        "The answer to a commit is lost after the server has done it, and it is tried again: it is applied once.",
        "lost answers",
        100,
        9,
        ("tests/store/test_lost_answers.py::test_a_commit_whose_answer_is_lost_is_applied_exactly_once",),
        ("tests/store/test_lost_answers.py::test_without_what_the_platform_does_a_row_is_there_twice",),
    ),
    Row(
        "R4",
        "Two runs commit the same partition at once, on a disk and in a bucket: one wins, the other says so.",
        "races, in both places",
        100,
        5,
        (f"{_AT_ONCE}::test_of_two_first_loads_of_a_partition_one_wins_and_the_other_says_so",),
        (f"{_TABLES}::test_without_transaction_names_the_race_doubles_the_rows",),
    ),
    Row(
        "R5",
        "Five writers make 20 commits each to different partitions, on a disk and in a bucket: all are there.",
        "commits, in both places",
        100,
        20,
        (f"{_AT_ONCE}::test_writers_of_different_partitions_all_come_through",),
        ("tests/store/test_conditions.py::test_without_the_refusal_what_came_first_is_gone_and_nobody_is_told",),
    ),
    Row(
        "R6",
        "A fifth of a day's files is damaged: every one is accounted for, what does not decode is refused with a "
        "reason, every good one is loaded, and the check fails.",
        "files",
        10_000,
        250,
        ("tests/ingest/test_damaged_day.py",),
        ("tests/asset_checks/test_raw_images.py::test_a_fault_is_caught_by_its_checks_alone",),
    ),
    Row(
        "R7",
        "Published shards are altered, cut, removed, swapped or doubled: each is found and named, whole ones never.",
        "tampered shards",
        1_000,
        100,
        ("tests/shards/test_verify_damage.py::test_damage_at_any_place_is_found_and_named",),
        ("tests/asset_checks/test_feature_shards.py::test_a_fault_is_caught_by_its_checks_alone",),
    ),
    Row(
        "R8",
        "The disk is full at some point of a run: one line says so, and with room the next run goes on.",
        "disks",
        20,
        3,
        (
            "tests/test_full_disks.py::test_wherever_in_a_run_the_disk_is_full_what_was_there_stays_and_the_next_run_goes_on",
        ),
        (
            "tests/test_full_disks.py::test_a_disk_that_fills_up_during_a_run_is_one_line_and_with_more_room_the_run_goes_on",
        ),
    ),
    Row(
        "R9",
        "A run's worker is killed, and the daemon: the run has failed and is begun again, and of every partition one "
        "run ends well, with the tables of a clean one.",
        "kills",
        50,
        2,
        (f"{_PRODUCTION}::test_every_run_whose_worker_is_killed_is_begun_again_and_the_daemon_goes_on",),
        (f"{_PRODUCTION}::test_where_nothing_begins_a_killed_run_again_its_partition_is_missing",),
    ),
    Row(
        "R10",
        "50 runs at once, recorded in SQLite and in PostgreSQL: all succeed, without errors of locks.",
        "runs",
        500,
        20,
        ("tests/run_history/test_at_once.py::test_all_runs_that_begin_at_once_are_recorded_whole",),
        ("tests/run_history/test_at_once.py::test_without_waiting_for_each_other_runs_are_lost",),
    ),
    Row(
        "R11",
        "Shards of 0, 1, 10,000, 10,001, 20,001, 20,002 and 30,003 rows: every id is there exactly once.",
        "sizes",
        7,
        7,
        ("tests/shards/test_writer.py::test_boundaries_of_real_shards",),
        ("tests/shards/test_writer.py::test_faulty_rows_are_refused_and_the_old_state_stands",),
        counted=True,
    ),
    Row(
        "R12",
        "A day of ten and of a hundred times the images, to the published shards: the peak of memory stays within a "
        "tenth.",
        "sizes",
        2,
        1,
        ("tests/test_memory.py::test_a_day_of_many_times_the_images_takes_the_memory_of_one",),
        ("tests/test_memory.py::test_a_day_whose_files_are_all_kept_is_seen_to_grow",),
    ),
    Row(
        "R13",
        "A day is run again when its landing zone is empty, away, pruned, cut or unreadable, or the store's files are "
        "cut or gone: nothing that was loaded goes without consent.",
        "tests",
        20,
        20,
        (
            "tests/ingest/test_loss.py",
            "tests/test_refused_places.py",
            "tests/store/test_damage.py",
        ),
        ("tests/ingest/test_loss.py::test_it_goes_where_somebody_allows_it_and_is_told",),
        counted=True,
    ),
    Row(
        "R14",
        "The dataset file changes between two days: numbers, names, categories, extractor. No table, shard or model "
        "mixes two meanings, and what to run again is named.",
        "tests",
        12,
        12,
        ("tests/categories", "tests/features/test_reextraction.py"),
        ("tests/categories/test_categories.py::test_two_numbers_of_one_category_are_named_and_mended",),
        counted=True,
        beside=2,
    ),
    Row(
        "R15",
        "A process that does a part of a unit is killed, stopped, hangs or has no memory left, or its parent is "
        "killed: no orphan, no hang, and the same bytes.",
        "kills",
        100,
        2,
        (
            f"{_PIECES}::test_what_a_killed_process_had_is_done_again",
            f"{_PIECES}::test_a_piece_that_kills_every_process_is_given_up",
            f"{_PIECES}::test_what_a_stopped_process_had_is_done_again",
            f"{_PIECES}::test_a_piece_that_hangs_every_process_is_given_up",
            f"{_PIECES}::test_a_process_that_is_given_no_memory_says_so_in_its_turn",
            f"{_PIECES}::test_with_its_parent_killed_a_worker_ends_and_leaves_nothing",
            f"{_SAME}::test_a_worker_that_is_killed_in_the_middle_leaves_no_trace_either",
            f"{_SAME}::test_a_run_that_is_killed_with_its_workers_at_work_is_done_again_without_a_trace",
        ),
        (
            f"{_SAME}::test_the_comparison_sees_pieces_in_another_order",
            f"{_PIECES}::test_a_piece_that_gets_on_slowly_is_waited_for",
        ),
        counted=True,
    ),
    Row(
        "S1",
        "Bombs of every accepted format are refused by their headers, before decoding, in less than 100 MB.",
        "bombs",
        50,
        50,
        ("tests/images/test_header.py",),
        ("tests/images/test_header.py::test_a_small_bomb_is_an_image_where_the_limit_allows_it",),
    ),
    Row(
        "S2",
        "Archives that lead out, with links, devices, bombs, nesting, names that clash: nothing is written outside, "
        "and the caps hold.",
        "archives",
        40,
        40,
        (f"{_ARCHIVES}::test_an_attack_writes_nothing_outside_and_what_became_of_it_is_listed",),
        (
            f"{_ARCHIVES}::test_plain_extraction_of_a_tar_writes_outside_and_the_comparison_sees_it",
            f"{_ARCHIVES}::test_without_its_cap_a_bomb_goes_off",
        ),
        counted=True,
    ),
    Row(
        "S3",
        "URLs and redirects to addresses of this machine and its network, in every notation: the canary is never "
        "asked.",
        "addresses",
        60,
        60,
        (f"{_SSRF}::test_no_url_leads_to_the_canary", f"{_SSRF}::test_no_redirect_leads_to_the_canary"),
        (
            f"{_SSRF}::test_without_the_guard_the_url_reaches_the_canary",
            f"{_SSRF}::test_without_the_guard_a_redirect_reaches_the_canary",
            f"{_SSRF}::test_without_the_guard_a_rebound_name_reaches_the_canary",
        ),
        counted=True,
    ),
    Row(
        "S4",
        "Files of models and weights that are altered, exchanged, malicious or no models: refused before they are "
        "loaded; the canary does not sing.",
        "attacks",
        20,
        20,
        ("tests/store/test_model_attacks.py::test_it_is_refused_and_the_canary_does_not_sing",),
        ("tests/store/test_model_attacks.py::test_without_the_safeguard_it_works",),
        counted=True,
    ),
    Row(
        "S7",
        "Damaged inputs at the doors of pictures, models, tensors and uploads, in processes of their own: each is "
        "taken or refused, none crashes, none takes more than five seconds.",
        "inputs",
        1_000_000,
        2_000,
        ("tests/fuzzing/test_fuzzing.py::test_damaged_inputs_are_taken_or_refused",),
        (
            "tests/fuzzing/test_fuzzing.py::"
            "test_what_crashes_hangs_or_raises_something_else_is_found_and_the_rest_is_played",
        ),
        beside=2,
    ),
)
ROWS = {row.name: row for row in _ROWS}
