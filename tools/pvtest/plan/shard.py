# SPDX-License-Identifier: MIT
"""--shard I/N: every machine takes a part of one plan, and `merge` puts the parts together again."""

from __future__ import annotations

import argparse
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")
MOST = 1000


@dataclass(frozen=True)
class Shard:
    """Part `index` of `count`, from 1."""

    index: int
    count: int

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    def take(self, items: Sequence[T]) -> list[T]:
        """Every count-th item: neighbors are alike in time, so that this spreads the slow ones."""
        return list(items[self.index - 1 :: self.count])


def parse(text: str) -> Shard:
    """For argparse."""
    match = re.fullmatch(r"(\d{1,4})/(\d{1,4})", text)
    if not match or not 1 <= int(match[1]) <= int(match[2]) <= MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is no shard; 2/4 is the second of four parts, at most {MOST}")
    return Shard(int(match[1]), int(match[2]))


def digest(names: Iterable[str]) -> str:
    """Names a plan: shards of different plans must not be merged."""
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]


def join(parts: Sequence[Sequence[T]]) -> list[T]:
    """The opposite of take(), for all parts in order."""
    out: list[T] = []
    for place in range(max((len(part) for part in parts), default=0)):
        out += [part[place] for part in parts if place < len(part)]
    return out
