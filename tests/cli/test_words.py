"""The words of the command line: all that scripts use is there, what is wrong is one line, and Tab knows the rest."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import click
import pytest

from image_assets.cli.command import image_assets, main
from image_assets.environment import DATASETS, LANDING, STORE
from tests.pictures import picture

# Scripts use these: a name may be added here, and none taken away.
COMMANDS = {
    "init": "[FOLDER] --categories --json --landing --name --store --yes",
    "run": (
        "--allow-loss --category --checks-only --dataset --day --dry-run --extract-anew --from --json --landing "
        "--late --missing --quiet "
        "--store --to --until --verify"
    ),
    "land": "PATH... --category --dataset --day --json --landing --quiet --store",
    "collect": "URL... --backgrounds --category --json --max-images --max-scrolls --max-seconds --no-sandbox --out",
    "status": "--all --dataset --json --landing --quiet --store",
    "ui": "--dataset --json --landing --port --quiet --store",
    "predict": "FILE... --dataset --json --model --quiet --store",
    "similar": "IMAGE --dataset --json --most --quiet --store",
    "conflicts list": "--dataset --json --quiet --store",
    "suspects": "--dataset --json --landing --most --quiet --store",
    "conflicts settle": "ID --category --dataset --json --none --quiet --reviewer --store",
    "alerts test": "--dataset --json --quiet",
    "alerts list": "--json --pending",
    "accounting": "--csv --dataset --json --quiet --store",
    "report": "--dataset --json --model --of --out --quiet --store",
    "bucket create": "URL --json",
    "bucket empty": "URL --json --yes",
    "bucket delete": "URL --empty --json --yes",
    "categories list": "--dataset --json --quiet --store",
    "categories renumber": "--dataset --json --quiet --store",
    "categories rename": "OLD NEW --dataset --json --quiet --store",
    "migrate": "--dataset --dry-run --json --quiet --store",
    "models list": "--dataset --history --json --model --quiet --store",
    "models show": "[DIGEST] --dataset --json --model --quiet --store",
    "models promote": "DIGEST --dataset --json --model --quiet --store",
    "models rollback": "--dataset --json --model --quiet --store",
    "models export": "[DIGEST] --dataset --json --keras --model --onnx --quiet --skops --store",
    "compare": "--all --csv --dataset --folds --json --no-colours --plot --quiet --store",
    "runs prune": "--dry-run --json --keep-days --quiet --store",
    "console": "--dataset --json --landing --name --port --quiet --store",
    "share": "--category --clear --dataset --day --direct --for --json --list --note --quiet --revoke --store --url",
    "verify": "--dataset --json --quiet --store",
    "repair": "--dataset --dry-run --json --landing --quiet --store",
    "gc": "--dataset --dry-run --json --older-than --quiet --store",
    "remove": "IMAGE... --dataset --dry-run --json --landing --quiet --reason --store --yes",
    "demo": "--images --json --root",
}
GROUPS = sorted({command.split()[0] for command in COMMANDS if " " in command})


def commands(above: click.Group, *names: str) -> Iterator[tuple[str, click.Command]]:
    for name, command in above.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, *names, name)
        else:
            yield " ".join((*names, name)), command


def test_every_command_and_option_that_scripts_use_is_there() -> None:
    found: dict[str, str] = {}
    for name, command in commands(image_assets):
        context = click.Context(command, info_name=name)
        places = [one.make_metavar(context) for one in command.params if isinstance(one, click.Argument)]
        options = sorted(word for one in command.params if isinstance(one, click.Option) for word in one.opts)
        found[name] = " ".join([*places, *options])
    assert found == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_the_examples_and_exit_statuses_of_help_are_those_of_the_command(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for variable, value in ((DATASETS, "sample"), (LANDING, "landing"), (STORE, "store")):
        monkeypatch.setenv(variable.name, value)
    assert main([*command.split(), "--help"]) == 0
    help_text = capsys.readouterr().out
    assert "\nExit status:\n  0    done\n" in help_text
    examples = re.findall(r"^  (image-assets .*)$", help_text.partition("\nExamples:\n")[2], re.MULTILINE)
    assert examples
    found = dict(commands(image_assets))[command]
    for example in examples:
        words = example.removeprefix(f"image-assets {command}")
        assert words != example
        found.make_context(command, words.split())  # refuses what the command does not take


@pytest.mark.parametrize("command", ["", *GROUPS, *COMMANDS])
def test_help_stays_within_forty_columns_but_for_the_examples(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert main([*command.split(), "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if len(line) > 40 and not line.startswith("  image-assets ")] == []


@pytest.mark.parametrize("command", ["", *GROUPS, *COMMANDS])
def test_help_reads_well_on_eighty_columns(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main([*command.split(), "--help"]) == 0
    help_text = capsys.readouterr().out
    assert max(map(len, help_text.splitlines())) <= 80
    assert " ".join(["Usage: image-assets", *command.split()]) in help_text
    named = help_text.partition("\n")[2]
    for metavar in ("PATH...", "URL...", "FILE...", "IMAGE..."):
        named = named.replace(metavar, "")
    assert "..." not in named  # nothing is cut short
    # Every option is explained.
    assert not re.search(r"^  --?\S+( [A-Z]+)?$\n(?!    )", help_text, re.MULTILINE)
    assert main([*command.split(), "-h"]) == 0
    assert capsys.readouterr().out == help_text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "image-assets: missing command; expected one of init, run, land, "),
        ("staus", "image-assets: no such command 'staus'. Did you mean 'status'? (see image-assets --help)"),
        ("walk", "image-assets: no such command 'walk'; expected one of init, run, "),
        ("models", "image-assets models: missing command; expected one of list, show, promote, "),
        ("models lits", "image-assets models: no such command 'lits'. Did you mean 'list'?"),
        ("--verion", "image-assets: no such option '--verion'. Did you mean '--version'?"),
        ("run --dya x", "image-assets run: no such option '--dya'. Did you mean '--day'?"),
        (
            "run --day 2026-11-20",
            "image-assets run: missing: --dataset FILE, --landing URL, --store URL; give ",
        ),
        (
            "land --day 2026-11-20",
            "image-assets land: missing: --landing URL, PATH...; give ",
        ),
        ("run --dataset sample --landing b --store c --to 2026-11-20", "--to is the end of a range: give --from too"),
        (
            "run --dataset sample --landing b --store c --missing --day 2026-11-20",
            "give one of --day, --from, --missing, --late and ",
        ),
        ("run --dataset sample --landing b --store c --checks-only --until raw_images", "--checks-only makes nothing"),
        ("land --landing b --day 2026-11-20 c", "image-assets land: give --category, or --dataset with the categories"),
        ("run --day", "image-assets run: option '--day' requires an argument (see image-assets run --help)"),
        ("run --d x", "image-assets run: --d could be --dataset or --day"),
        ("run --json=yes", "image-assets run: option '--json' does not take a value"),
        (
            "status --dataset sample --store --json",
            "image-assets status: --store takes a value, and '--json' looks like an option; "
            "if it is the value, write --store=--json",
        ),
        ("status --dataset a --store b c", "image-assets status: got unexpected extra argument (c)"),
        ("conflicts settle --dataset a --store b c", "image-assets conflicts settle: give either --category or --none"),
        ("models export --dataset a --store b", "image-assets models export: give either --onnx or --skops"),
        ("models export --dataset a --store b --onnx c --skops d", "give either --onnx or --skops"),
        ("report --of x", "image-assets report: invalid value for '--of': 'x' is not one of 'images', 'model'"),
        ("runs prune --store a --keep-days 0", "'0' is no number of days; expected at least 1"),
        ("collect a --out b --category c --max-images d", "'--max-images': 'd' is not a valid integer"),
    ],
)
def test_wrong_words_are_one_line_that_says_what_would_be_right(
    words: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words.split()) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    *settings, line = printed.err.splitlines()
    assert all(" (--" in one for one in settings)  # what was given, of commands that came so far
    assert line.startswith("error: ")
    assert said in line


def test_names_of_options_may_be_cut_short_and_values_may_look_like_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-x").mkdir()
    (tmp_path / "-x/a.png").write_bytes(picture(0, 0))
    assert main(["land", "--land=--here", "--day", "2026-11-20", "--cat=plants", "--", "-x"]) == 0
    assert "1 files landed" in capsys.readouterr().out
    assert (tmp_path / "--here/2026-11-20/plants/-x/a.png").is_file()


def test_the_version_is_that_of_the_package() -> None:
    program = [sys.executable, "-m", "image_assets.cli", "--version"]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    assert done.stdout == f"image-assets {version('image-assets')}\n"


def test_help_waits_for_none_of_the_libraries_that_commands_use() -> None:
    program = f"""
import sys
from image_assets.cli import main
for command in {["", *COMMANDS]!r}:
    main([*command.split(), "--help"])
slow = "dagster", "boto3", "sklearn", "polars", "numpy", "pydantic", "obstore", "sqlalchemy", "matplotlib"
print("loaded:", *(name for name in slow if name in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded:"


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("image-assets sta", ["status"]),
        ("image-assets models r", ["rollback"]),
        ("image-assets run --da", ["--dataset", "--day"]),
        ("image-assets run --dataset kin", ["kingdoms"]),
        ("image-assets report --of m", ["model"]),
    ],
)
def test_bash_completes_commands_options_and_values(words: str, offered: list[str], tmp_path: Path) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")
    (before, *_, last) = words.split()
    script = f"""
eval "$(_IMAGE_ASSETS_COMPLETE=bash_source {before})"
COMP_WORDS=({words}); COMP_CWORD={len(words.split()) - 1}
compopt() {{ :; }}
_image_assets_completion {before} {last}
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    done = subprocess.run(
        [bash, "-euc", script], capture_output=True, text=True, check=True, env={"PATH": path}, cwd=tmp_path
    )
    assert done.stdout.split() == offered


def test_programs_call_the_command_from_the_folder_of_commands() -> None:
    code = "import image_assets.cli.command; from image_assets.cli import main; sys.exit(main(['--version']))"
    done = subprocess.run([sys.executable, "-c", f"import sys; {code}"], capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()[0]) == (0, "image-assets")
