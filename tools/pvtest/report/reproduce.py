# SPDX-License-Identifier: MIT
"""The exact command that shows a result again."""

from __future__ import annotations

import shlex
from pathlib import Path

from pvtest.stream.model import Run, TestResult

_DROPPED = ("--seed", "--results", "--svg")  # each with a value


def one(run: Run, result: TestResult) -> str:
    """One instance alone, with the seed of the round that is reported; with tests before it where it needs them."""
    return result.details.get("again") or words([result.instance.id, "--seed", str(result.seed), *run.flags])


def words(arguments: list[str]) -> str:
    """A command that can be pasted."""
    return shlex.join(["./run.sh", *arguments])


def replay(run: Run, result: TestResult, path: Path) -> str:
    """The same operations of a random test again, from a file."""
    return shlex.join(["./run.sh", result.instance.id, "--replay", str(path), "--seed", str(result.seed), *run.flags])


def test(run: Run, result: TestResult) -> str:
    """A test of any name on every class of devices, with the seed of this result."""
    return f"./run.sh TEST {shlex.join(['--seed', str(result.seed), *run.flags])}"


def whole(run: Run) -> str:
    """The whole run; for a shuffled one the only way to have its order again."""
    kept, skip = [], False
    for word in run.command:
        if skip or word in _DROPPED:
            skip = not skip
        elif not word.startswith(tuple(f"{name}=" for name in _DROPPED)):
            kept.append(word)
    return shlex.join(["./run.sh", *kept, "--seed", str(run.seed)])
