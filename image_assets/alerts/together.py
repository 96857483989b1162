"""What has one cause is one message: the same check or failure in many days and categories is told together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from image_assets.alerts.ledger import Message
from image_assets.alerts.text import Text
from image_assets.wording import some

HOLD_SECONDS = 600
"""After the first message of a cause, what follows of it in other partitions waits so long to be told together."""
_LISTED = 50


def grouped(waiting: Sequence[Message], lately: Mapping[str, Set[str]]) -> tuple[list[list[Message]], int]:
    """Put together what is told in one message.

    Of one check in one partition the order is kept: a failure is told before its end.

    Args:
        waiting: Messages for one channel, in the order of what they tell.
        lately: What the channel was told less than `HOLD_SECONDS` ago: the partitions of every cause.

    Returns:
        The groups, in the order of their first, and how many messages are held back for now.
    """
    groups: list[list[Message]] = []
    latest: dict[tuple[str, str], int] = {}
    for message in waiting:
        of = (message.subject, message.partition)
        same = [number for number, group in enumerate(groups) if group[0].cause == message.cause]
        if same and latest.get(of, -1) < same[-1]:
            groups[same[-1]].append(message)
        else:
            groups.append([message])
        latest[of] = next(number for number, group in enumerate(groups) if group[-1] is message)
    return _without_held(groups, lately)


def _without_held(groups: list[list[Message]], lately: Mapping[str, Set[str]]) -> tuple[list[list[Message]], int]:
    now: list[list[Message]] = []
    held: list[Message] = []
    for group in groups:
        known, waits = lately.get(group[0].cause), {(one.subject, one.partition) for one in held}
        told_of_others = known is not None and not any(one.partition in known for one in group)
        if told_of_others or any((one.subject, one.partition) in waits for one in group):
            held += group
        else:
            now.append(group)
    return now, len(held)


def text_of(group: Sequence[Message]) -> Text:
    """What is said of a group: the first message, and where else the same holds."""
    first = group[0]
    if len(group) == 1:
        return first.text
    partitions = [one.partition for one in group]
    listed = "\n".join(f"- {partition}" for partition in partitions[1 : _LISTED + 1])
    rest = f"\n- and {len(group) - 1 - _LISTED} more" if len(group) - 1 > _LISTED else ""
    return Text(
        f"{first.cause}, {some(partitions)}",
        f"{first.text.body}\n\nSo far of {first.partition}. The same is to be told of:\n\n{listed}{rest}",
    )
