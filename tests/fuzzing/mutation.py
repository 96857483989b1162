"""Inputs made from good ones: the same number always gives the same bytes."""

from __future__ import annotations

import random
from collections.abc import Sequence

_EXTREMES = (
    b"\0",
    b"\xff",
    b"\x7f",
    b"\x80",
    b"\0\0",
    b"\xff\xff",
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
)
_MOST_CHANGES = 8
_HEAD = 256  # where headers are, which is where the interesting bytes are
_LONGEST = 1_000_000


def mutated(seeds: Sequence[bytes], number: int) -> bytes:
    """One of the seeds with up to eight changes, or the beginning of one with the end of another."""
    chance = random.Random(number)
    content = bytearray(chance.choice(seeds))
    if chance.random() < 0.05:
        other = chance.choice(seeds)
        content[chance.randrange(len(content) + 1) :] = other[chance.randrange(len(other) + 1) :]
    for _ in range(chance.randint(1, _MOST_CHANGES)):
        _change(content, chance)
    return bytes(content[:_LONGEST])


def _change(content: bytearray, chance: random.Random) -> None:
    end = min(len(content), _HEAD) if chance.random() < 0.6 else len(content)
    at = chance.randrange(end) if end else 0
    way = chance.randrange(7)
    if way == 0 and content:
        content[at] ^= 1 << chance.randrange(8)
    elif way == 1 and content:
        content[at] = chance.randrange(256)
    elif way == 2:
        extreme = chance.choice(_EXTREMES)
        content[at : at + len(extreme)] = extreme
    elif way == 3:
        content[at:at] = chance.randbytes(chance.randint(1, 16))
    elif way == 4:
        del content[at : at + chance.randint(1, 16)]
    elif way == 5:
        piece = content[at : at + chance.randint(1, 64)]
        content[at:at] = piece * chance.randint(1, 8)
    elif chance.random() < 0.2:
        del content[chance.randrange(len(content) + 1) :]
