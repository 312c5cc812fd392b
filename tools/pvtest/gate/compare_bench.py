# SPDX-License-Identifier: MIT
"""`./run.sh bench --compare A B`: which paths became slower, by their ratios to a baseline of the same run.

Times of two runs say nothing about each other, for the machine was another or busy; a ratio within a run does.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from pvtest import json_file
from pvtest.errors import EXIT_FAIL, EXIT_OK, UsageError
from pvtest.machine.terminal import Terminal

FORMAT = "pvtest-bench"
STYLE = {"slower": "bold red", "gone": "bold red", "faster": "green", "new": "yellow", "": ""}


@dataclass(frozen=True)
class Ratio:
    """One ratio in both runs."""

    name: str
    baseline: str
    before: float | None
    after: float | None
    limit: float  # such a part of the first one more or less is a change

    @property
    def change(self) -> float | None:
        """A part of the first one: 0.5 is half as much again."""
        return None if not self.before or self.after is None else self.after / self.before - 1

    @property
    def effect(self) -> str:
        """In a word; empty: none."""
        if self.before is None or self.after is None:
            return "new" if self.before is None else "gone"
        if self.change is None or abs(self.change) <= self.limit:
            return ""
        return "slower" if self.change > 0 else "faster"


def _ratios(path: Path) -> dict[tuple[str, str], float]:
    """By operation and its baseline; the points of a series are to its first one."""
    data = json_file.load(json_file.find(path, "bench.json"), FORMAT)
    found: dict[tuple[str, str], float] = {}
    first: dict[str, dict[str, Any]] = {}
    for line in data["operations"]:
        if line["ratio"] is not None:
            found[line["name"], line["baseline"]] = line["ratio"]
        if line.get("series"):
            begin = first.setdefault(line["series"], line)
            if begin is not line:
                found[line["name"], begin["name"]] = line["ns"] / begin["ns"]
    if not found:
        raise UsageError(f"{path}: a benchmark without a ratio; one run on a host with a pvIOMMU has them")
    return found


def compare(before: Path, after: Path, percent: float) -> list[Ratio]:
    """All ratios of both, in the order of the first."""
    old, new = _ratios(before), _ratios(after)
    return [Ratio(*key, old.get(key), new.get(key), percent / 100) for key in dict.fromkeys([*old, *new])]


def table(ratios: list[Ratio]) -> Table:
    """Each ratio in both runs."""
    out = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    out.add_column("operation")
    out.add_column("to")
    for name in ("A", "B", "change"):
        out.add_column(name, justify="right")
    out.add_column("")
    for ratio in ratios:
        cells = ["" if value is None else f"{value:.2f}" for value in (ratio.before, ratio.after)]
        change = "" if ratio.change is None else f"{ratio.change * 100:+.0f} %"
        out.add_row(ratio.name, ratio.baseline, *cells, change, Text(ratio.effect, style=STYLE[ratio.effect]))
    return out


def main(before: Path, after: Path, percent: float, out: Terminal) -> int:
    """Exit code 1 where a ratio of the second is larger by more than `percent`, or is gone."""
    ratios = compare(before, after, percent)
    worse = [ratio for ratio in ratios if ratio.effect in ("slower", "gone")]
    code = EXIT_FAIL if worse else EXIT_OK
    out.console.print("", table(ratios), "")
    for ratio in worse:
        out.say(f"{ratio.effect}: {ratio.name} to {ratio.baseline}", STYLE[ratio.effect])
    better = sum(ratio.effect == "faster" for ratio in ratios)
    counts = f"{len(ratios)} ratios, {len(worse)} slower or gone, {better} faster"
    out.say(f"{counts} by more than {percent:g} % (exit code {code})")
    return code
