# SPDX-License-Identifier: MIT
"""Sequences of operations of the stress model in a file: what a failing random test wrote, or a person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pvtest.errors import UsageError, suggest, system_error
from pvtest.images.catalogue import Instance

FORMAT = "pvtest-operations 1"
MAX_OPERATIONS = 4096  # OPERATIONS_MAX of tests/harness/replay.h
MAX_BYTES = 1 << 20
REPLAYED = ("stress.random_operations", "stress.random_operations_under_fire")  # tests that take them

# As in tests/harness/operations.c: the numbers that each argument may have, and the arguments of each operation.
RANGES = {
    "domain": (0, 4),  # 0 blocked, 1 identity, the others paging
    "paging": (2, 4),
    "page": (0, 7),
    "target": (0, 7),
    "device": (0, 2),
    "writable": (0, 1),
}
OPERATIONS = {
    "map": ("paging", "page", "target", "writable"),
    "retarget": ("paging", "page", "target"),
    "protect": ("paging", "page", "writable"),
    "unmap": ("paging", "page"),
    "flush": ("paging",),
    "flush-all": ("paging",),
    "flush-list": ("paging", "page", "page"),
    "flush-block": ("paging", "page", "page"),
    "attach": ("device", "domain"),
    "detach": ("device",),
    "replace": ("paging",),
    "write": ("device", "page"),
}


@dataclass(frozen=True)
class Replay:
    """The content of a file."""

    path: Path
    test: str  # instance
    operations: tuple[str, ...]  # "map 2 5 3 1"


def _problem(words: list[str]) -> str:
    """The mistake in an operation; empty: there is none."""
    form = OPERATIONS.get(words[0])
    if form is None:
        return f"unknown operation '{words[0][:40]}'.{suggest(words[0], OPERATIONS)}"
    if len(words) - 1 != len(form):
        shown = " ".join(name.replace("paging", "domain").upper() for name in form)
        return f"{words[0]} has {len(form)} arguments, not {len(words) - 1}: {words[0]} {shown}"
    for word, name in zip(words[1:], form):
        low, high = RANGES[name]
        if not (word.isascii() and word.isdigit() and len(word) < 4 and low <= int(word) <= high):
            return f"{name.replace('paging', 'domain')} '{word[:40]}' is not a number from {low} to {high}"
    if form[1:] == ("page", "page") and int(words[2]) > int(words[3]):
        return f"{words[0]}: the last page is before the first"
    return ""


def parse(path: Path, text: str) -> Replay:
    """Raises UsageError with the line that is wrong."""
    test, operations, begun = "", [], False
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        problem = ""
        if not words:
            continue
        if not begun:
            begun = True
            problem = "" if " ".join(words) == FORMAT else f"the first line is '{FORMAT}'"
        elif words[0] == "test":
            problem = "one test, by its instance id" if test or len(words) != 2 else ""
            test = words[-1]
        else:
            problem = _problem(words)
            operations.append(" ".join(words))
        if problem:
            raise UsageError(f"{path} line {number}: {problem}")
    if not begun or not test or not operations:
        missing = "is empty" if not begun else "has no line 'test ID'" if not test else "has no operation"
        raise UsageError(f"{path}: {missing}")
    if len(operations) > MAX_OPERATIONS:
        raise UsageError(f"{path}: has {len(operations)} operations; a test takes at most {MAX_OPERATIONS}")
    if test.partition("@")[0] not in REPLAYED:
        raise UsageError(f"{path}: {test[:80]} takes no operations; these do: {', '.join(REPLAYED)}")
    return Replay(path, test, tuple(operations))


def load(path: Path) -> Replay:
    """Reads such a file."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        text = data.decode("utf-8")
    except OSError as error:
        raise UsageError(system_error(error, path)) from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: is not text in UTF-8") from None
    if len(data) > MAX_BYTES:
        raise UsageError(f"{path}: is longer than {MAX_BYTES >> 20} MiB")
    return parse(path, text)


def check(replay: Replay, selected: Iterable[Instance]) -> None:
    """GLOBs may name another class of devices, and no test that would run as always."""
    for instance in selected:
        if instance.test.id not in REPLAYED:
            raise UsageError(f"--replay: {instance.id} takes no operations; these do: {', '.join(REPLAYED)}")


def values(operations: Iterable[str]) -> list[str]:
    """As values of an option of the guest, which have no blanks."""
    return [operation.replace(" ", ",") for operation in operations]


def text(test: str, operations: Iterable[str], about: Iterable[str]) -> str:
    """The file; `about` becomes comments."""
    return "\n".join([FORMAT, *(f"# {line}" for line in about), f"test {test}", *operations]) + "\n"
