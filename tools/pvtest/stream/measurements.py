# SPDX-License-Identifier: MIT
"""Measurements of the benchmarks in the guest: costs of operations, and how some of them grow."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from pvtest.stream.tap import TapParser

SERIES_KEYS = ("series", "size", "of")


@dataclass(frozen=True)
class Line:
    """One '# bench:' line. With a series, it is the cost of one path at one size."""

    name: str
    ns: float
    exits: float | None
    ratio: float | None
    baseline: str
    series: str = ""
    size: int | None = None
    of: str = ""  # what the size counts


@dataclass(frozen=True)
class Series:
    """One path at several sizes, the smallest first."""

    name: str
    of: str
    lines: tuple[Line, ...]

    @property
    def growth(self) -> list[float]:
        """The cost at each size, as a multiple of that at the first one."""
        return [line.ns / self.lines[0].ns for line in self.lines]

    @property
    def points(self) -> list[tuple[float, float]]:
        """For a picture: sizes at equal distances, costs by their logarithm; both from 0 to 1, and 1 is a hundredfold
        or the largest growth of this series."""
        logs = [math.log10(max(value, 0.1)) for value in self.growth]
        top = max(2.0, *logs)
        steps = max(1, len(logs) - 1)
        return [(number / steps, (log + 1) / (top + 1)) for number, log in enumerate(logs)]


def _number(text: str | None) -> float | None:
    return None if text is None or text in ("", "-") else _positive(text)


def _positive(text: str) -> float:
    value = float(text)
    if not 0 <= value < 1e15:
        raise ValueError(text)
    return value


def _line(fields: dict[str, str]) -> Line:
    missing = [key for key in SERIES_KEYS if (key in fields) != ("series" in fields)]
    if missing or float(fields["ns"]) <= 0:
        raise ValueError(fields)
    return Line(
        fields["name"],
        _positive(fields["ns"]),
        _number(fields.get("exits")),
        _number(fields.get("ratio")),
        fields.get("baseline", ""),
        fields.get("series", ""),
        int(fields["size"]) if "size" in fields else None,
        fields.get("of", ""),
    )


def parse(tap: TapParser) -> tuple[list[Line], list[str]]:
    """The measurements of a stream, and what was wrong with it."""
    tap.finish()
    lines, problems = [], list(tap.problems)
    for fields in tap.bench:
        if "problem" in fields:
            problems.append(f"benchmark: {fields['problem']}")
            continue
        try:
            lines.append(_line(fields))
        except (KeyError, ValueError):
            problems.append(f"not a measurement: {fields}")
    if not lines:
        problems.append("the guest reported no measurement")
    return lines, problems


# A line of the host's log.
_OF_HOST = re.compile(r"bench: name=(\w{1,40}) ns=(\d{1,15}\.\d{2})$", re.MULTILINE)
HYPERCALL = "hypercall"


def of_host(log: str) -> list[Line]:
    """The measurements in the log of a host."""
    return [Line(name, float(ns), None, None, "") for name, ns in _OF_HOST.findall(log) if float(ns) > 0]


def with_host(lines: list[Line], host: list[Line]) -> list[Line]:
    """The host's measurements after the hypercall's, and the hypercall's ratio to each."""
    found = []
    for line in lines:
        found.append(line)
        if line.name == HYPERCALL:
            found += [replace(line, ratio=round(line.ns / other.ns, 2), baseline=other.name) for other in host]
            found += host
    return found


def series(lines: Iterable[Line]) -> list[Series]:
    """Those of more than one size."""
    found: dict[str, list[Line]] = {}
    for line in lines:
        if line.series:
            found.setdefault(line.series, []).append(line)
    return [Series(name, own[0].of, tuple(own)) for name, own in found.items() if len(own) > 1]


def time_text(ns: float) -> str:
    """In the unit that a person would choose."""
    for limit, scale, unit in ((1e3, 1, "ns"), (1e6, 1e3, "us"), (1e9, 1e6, "ms")):
        if ns < limit:
            return f"{ns / scale:.1f} {unit}"
    return f"{ns / 1e9:.2f} s"
