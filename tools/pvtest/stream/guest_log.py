# SPDX-License-Identifier: MIT
"""The host's log of what a guest did to its pvIOMMU, and its hints at mistakes of a driver. Neither is judged."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pvtest.clean import printable

LEVEL = 2  # of the host's log, from which on it has both
ALL_UNTIL = 32  # hints of a kind that the host tells each; then every second, fourth, eighth... of them
_CALL = re.compile(r"guest: ([A-Z_]+)(?: [^:]*)?: ([A-Z_]+|a status without a name)")
_HINT = re.compile(r"hint ([a-z-]+) ([0-9]{1,18}): (.*)")
_LONGEST = 300


@dataclass
class GuestLog:
    """Counts by call and status; of each hint its count, which is a lower bound above ALL_UNTIL, and its first text."""

    calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    hints: dict[str, tuple[int, str]] = field(default_factory=dict)


def parse(lines: Iterable[str]) -> GuestLog:
    """The lines of a host that ran once; all others are passed over."""
    log = GuestLog()
    for line in lines:
        if call := _CALL.fullmatch(line.rstrip()):
            log.calls[call[1], call[2]] += 1
        elif hint := _HINT.fullmatch(line.rstrip()):
            first = log.hints.get(hint[1], (0, printable(hint[3])[:_LONGEST]))
            log.hints[hint[1]] = (max(first[0], int(hint[2])), first[1])
    return log


def read(path: Path) -> GuestLog:
    """host.log; empty where there is none."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return parse(file)
    except OSError:
        return GuestLog()


def join(logs: Iterable[GuestLog]) -> GuestLog:
    """Of several boots or shards."""
    found = GuestLog()
    for log in logs:
        found.calls.update(log.calls)
        for name, (count, first) in log.hints.items():
            before = found.hints.get(name, (0, first))
            found.hints[name] = (before[0] + count, before[1])
    return found


def document(log: GuestLog) -> dict[str, Any]:
    """The key `guest_log` of results.json and linux.json."""
    return {
        "calls": [
            {"call": call, "status": status, "count": count} for (call, status), count in sorted(log.calls.items())
        ],
        "hints": [{"hint": name, "count": count, "first": first} for name, (count, first) in sorted(log.hints.items())],
    }


def from_document(data: dict[str, Any]) -> GuestLog:
    """The way back."""
    calls = Counter({(entry["call"], entry["status"]): entry["count"] for entry in data["calls"]})
    return GuestLog(calls, {entry["hint"]: (entry["count"], printable(entry["first"])) for entry in data["hints"]})


def sentences(log: GuestLog) -> list[tuple[str, str]]:
    """For the terminal: a word, and what it tells."""
    names = dict.fromkeys(call for call, _ in sorted(log.calls))
    lines = [] if names else [("guest", "no call of the pvIOMMU")]
    for name in names:
        found = sorted((count, status) for (call, status), count in log.calls.items() if call == name)
        lines.append(("guest", f"{name}: " + ", ".join(f"{count} {status}" for count, status in reversed(found))))
    for hint, (count, first) in sorted(log.hints.items()):
        times = "once" if count == 1 else f"{count} times" if count <= ALL_UNTIL else f"at least {count} times"
        lines.append(("hint", f"{hint}, {times}, first: {first}"))
    return lines
