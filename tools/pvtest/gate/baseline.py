# SPDX-License-Identifier: MIT
"""--baseline FILE: what is known to fail, why, and until when (docs/runner.md)."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from pvtest.stream.model import Run, TestResult, Verdict
from pvtest.toml_file import TomlFile

FORMAT = "pvtest-baseline"
FORMAT_VERSION = 1
EXCUSED = ("fail", "error")


@dataclass(frozen=True)
class Known:
    """One failure that is expected."""

    test: str  # instance id, test id, or a glob over both
    reason: str
    until: datetime.date | None  # the last day on which it counts
    verdict: str  # "fail" or "error"
    sometimes: bool = False  # a pass is no surprise
    line: int | None = None

    def matches(self, instance_id: str) -> bool:
        """Does it speak of this instance?"""
        return any(fnmatchcase(name, self.test) for name in (instance_id, instance_id.partition("@")[0]))

    def expired(self, today: datetime.date) -> bool:
        """The last day is over."""
        return self.until is not None and today > self.until


@dataclass(frozen=True)
class Baseline:
    """A whole file."""

    path: str
    known: tuple[Known, ...]
    tests: tuple[str, ...]  # instances that must exist; empty = not recorded


def _date(file: TomlFile, entry: dict[str, Any], number: int) -> datetime.date | None:
    value = entry.get("until")
    if value is None:
        return None
    if isinstance(value, datetime.datetime) or not isinstance(value, datetime.date):
        file.refuse("until must be a date like 2027-01-31, without quotes", file.line_of("until", "known", number))
    return value


def _known(file: TomlFile, entry: Any, number: int) -> Known:
    if not isinstance(entry, dict):
        file.refuse("known must be given as [[known]] tables", file.line_of("known"))
    file.keys(entry, ("test", "reason", "until", "verdict", "sometimes"), "known", number)
    verdict = entry.get("verdict", "fail")
    if verdict not in EXCUSED:
        file.refuse(f"verdict must be one of {', '.join(EXCUSED)}", file.line_of("verdict", "known", number))
    sometimes = entry.get("sometimes", False)
    if not isinstance(sometimes, bool):
        file.refuse("sometimes must be true or false", file.line_of("sometimes", "known", number))
    return Known(
        test=file.string(entry, "test", "known", number),
        reason=file.string(entry, "reason", "known", number),
        until=_date(file, entry, number),
        verdict=verdict,
        sometimes=sometimes,
        line=file.line_of("test", "known", number),
    )


def load(path: Path) -> Baseline:
    """Reads and checks a file."""
    file = TomlFile(path, FORMAT, FORMAT_VERSION)
    file.keys(file.data, ("format", "format_version", "known", "tests"))
    entries = file.data.get("known", [])
    if not isinstance(entries, list):
        file.refuse("known must be given as [[known]] tables", file.line_of("known"))
    known = [_known(file, entry, number) for number, entry in enumerate(entries)]
    for number, entry in enumerate(known):
        if entry.test in [earlier.test for earlier in known[:number]]:
            file.refuse(f"{entry.test!r} is given twice", entry.line)
    return Baseline(str(path), tuple(known), tuple(file.strings(file.data, "tests")))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in escaped if ord(c) < 0x10000) + '"'


def _entry(result: TestResult) -> list[str]:
    lines = ["", "[[known]]", f"test = {_quoted(result.instance.id)}"]
    if result.verdict is Verdict.ERROR:
        lines.append('verdict = "error"')
    return [*lines, f"reason = {_quoted(result.reason or 'it failed when this file was written')}"]


def write(run: Run) -> str:
    """A baseline that says: as in this run. The reasons are what the tests said; a person should say more."""
    lines = [
        "# Known failures, for ./run.sh --baseline. A reason says why a test may fail, until = 2027-01-31 how long.",
        f'format = "{FORMAT}"',
        f"format_version = {FORMAT_VERSION}",
        "tests = [",
        *(f"  {_quoted(result.instance.id)}," for result in run.results),
        "]",
    ]
    for result in run.results:
        if result.verdict in (Verdict.FAIL, Verdict.ERROR) and not result.idle:
            lines += _entry(result)
    return "\n".join(lines) + "\n"
