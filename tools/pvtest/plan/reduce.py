# SPDX-License-Identifier: MIT
"""The fewest tests that have to run before another one for it to fail, by bisection over the order of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Reduced:
    """The findings."""

    shown: bool  # it failed again at all
    before: tuple[str, ...]  # tests that run before it then; none = it fails alone
    whole: bool  # no fewer would do; False where there were not enough runs to know


class _Spent(Exception):
    """No run is left."""


def reduce(context: Sequence[str], shows: Callable[[Sequence[str]], bool], most: int) -> Reduced:
    """`context`: the tests that ran before it. `shows` runs some of them before it, in their order, and says whether
    it failed; at most `most` times."""
    runs = 0
    best: tuple[str, ...] | None = None

    def fails(some: Sequence[str]) -> bool:
        nonlocal runs, best
        if runs == most:
            raise _Spent
        runs += 1
        found = shows(some)
        if found:
            best = tuple(some)
        return found

    try:
        if fails(()):
            return Reduced(True, (), True)
        if not context or not fails(context):
            return Reduced(False, tuple(context), True)
        return Reduced(True, _fewest(context, fails), True)
    except _Spent:
        return Reduced(best is not None, tuple(context) if best is None else best, False)


def _fewest(context: Sequence[str], fails: Callable[[Sequence[str]], bool]) -> tuple[str, ...]:
    """It fails after all of them, and not alone."""
    first, without = 0, len(context)  # it fails after those from `first` on, and not after those from `without` on
    while without - first > 1:
        middle = (first + without) // 2
        if fails(context[middle:]):
            first = middle
        else:
            without = middle
    # The test at `first` is needed; often it is the only one.
    needed = list(context[first:])
    if len(needed) == 1 or fails(needed[:1]):
        return tuple(needed[:1])
    length = len(needed) // 2
    while length:
        at = 1
        while at < len(needed):
            fewer = needed[:at] + needed[at + length :]
            if len(fewer) > 1 and fails(fewer):
                needed = fewer
            else:
                at += length
        length //= 2
    return tuple(needed)
