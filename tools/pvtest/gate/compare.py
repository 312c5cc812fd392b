# SPDX-License-Identifier: MIT
"""`./run.sh compare A B`: what changed from one host, build or run to another."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.text import Text

from pvtest import json_file
from pvtest.errors import EXIT_FAIL, EXIT_OK
from pvtest.machine.terminal import terminal
from pvtest.output import Output
from pvtest.report import behaviour
from pvtest.stream.yaml_block import YamlError, number

# From better to worse. A test that no longer runs verifies nothing, so that pass to skip is a loss.
RANK = {"pass": 0, "skip": 1, "fail": 2, "error": 3}
KINDS = ("verdict", "vanished test", "capability", "device", "observation", "new test", "host")
STYLE = {"regression": "bold red", "improvement": "green", "change": "yellow"}
BIT_FIELDS = ("cap", "page_sizes")


@dataclass(frozen=True)
class Change:
    """One difference."""

    kind: str
    subject: str
    before: str
    after: str
    effect: str  # regression, improvement, change


def load(path: Path) -> dict[str, Any]:
    """The behavior in profile.json or results.json, or in a results folder."""
    path = json_file.find(path, "profile.json", "results.json")
    data = json_file.load(path, behaviour.FORMAT, "pvtest-results")
    return data if data["format"] == behaviour.FORMAT else behaviour.behaviour(data)


def _of_test(name: str, before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    out = []
    if before["verdict"] != after["verdict"]:
        worse = RANK[after["verdict"]] > RANK[before["verdict"]]
        words = [
            f"{test['verdict']} ({test['reason']})" if test.get("reason") else test["verdict"]
            for test in (before, after)
        ]
        out.append(Change("verdict", name, words[0], words[1], "regression" if worse else "improvement"))
    seen = [test.get("observation", "") for test in (before, after)]
    if seen[0] != seen[1] and (before["verdict"] == after["verdict"] or all(seen)):
        out.append(Change("observation", name, seen[0], seen[1], "change"))
    return out


def _tests(before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    out = []
    for name in dict.fromkeys([*before, *after]):
        if name not in after:
            out.append(Change("vanished test", name, before[name]["verdict"], "", "regression"))
        elif name not in before:
            verdict = after[name]["verdict"]
            bad = RANK[verdict] >= RANK["fail"]
            out.append(Change("new test", name, "", verdict, "regression" if bad else "change"))
        else:
            out += _of_test(name, before[name], after[name])
    return out


def _lost(field: str, before: str, after: str) -> bool:
    """Does the host offer less than it did?"""
    try:
        old, new = number(before), number(after)
    except YamlError:
        return after == ""
    return bool(old & ~new) if field in BIT_FIELDS else new < old


def _offers(kind: str, before: dict[str, str], after: dict[str, str]) -> list[Change]:
    out = []
    for field in sorted({*before, *after}):
        old, new = before.get(field, ""), after.get(field, "")
        if old != new:
            out.append(Change(kind, field, old, new, "regression" if _lost(field, old, new) else "change"))
    return out


def _host(before: dict[str, str], after: dict[str, str]) -> list[Change]:
    return [
        Change("host", field, before.get(field, ""), after.get(field, ""), "change")
        for field in sorted({*before, *after})
        if before.get(field, "") != after.get(field, "")
    ]


def compare(before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    """All differences, the kinds that matter most first."""
    devices = [{name: str(count) for name, count in side["devices"].items()} for side in (before, after)]
    changes = _tests(before["tests"], after["tests"])
    changes += _offers("capability", before["capabilities"], after["capabilities"])
    changes += _offers("device", devices[0], devices[1])
    changes += _host({**before["host"], "suite": before["suite"]}, {**after["host"], "suite": after["suite"]})
    changes.sort(key=lambda change: (change.effect != "regression", KINDS.index(change.kind)))
    return changes


def main(options: argparse.Namespace) -> int:
    """Prints the differences from A to B."""
    before, after = load(options.before), load(options.after)
    changes = compare(before, after)
    code = EXIT_FAIL if any(change.effect == "regression" for change in changes) else EXIT_OK
    if options.json:
        document = {
            "format": "pvtest-comparison",
            "format_version": 1,
            "exit_code": code,
            "changes": [asdict(change) for change in changes],
        }
        print(json.dumps(document, indent=2, ensure_ascii=False), file=Output())
        return code
    out = terminal(options)
    if before["seed"] != after["seed"]:
        out.say(f"note: seeds differ ({before['seed']} and {after['seed']}), and so may what random tests observed")
    for change in changes:
        line = Text.assemble(
            (f"{change.effect:12}", STYLE[change.effect]), f"{change.kind:14}", (change.subject, "bold")
        )
        out.console.print(line.append(f": {change.before or 'nothing'} -> {change.after or 'nothing'}"), soft_wrap=True)
    counts = ", ".join(f"{sum(change.effect == effect for change in changes)} {effect}s" for effect in STYLE)
    out.say(f"{counts} (exit code {code})" if changes else "no difference (exit code 0)")
    return code
