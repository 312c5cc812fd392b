# SPDX-License-Identifier: MIT
"""From results.json back to the result model, so that results of several machines can become one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pvtest import json_file
from pvtest.errors import UsageError
from pvtest.images.catalogue import DECLARED_TIER, Catalogue, Defect, Instance, Test, Variant
from pvtest.images.requirements import Requirement, Requirements
from pvtest.images.stories import Story
from pvtest.stream import guest_log
from pvtest.stream.model import Boot, Crash, Finding, Frame, Gate, Run, TestResult, Timing, Verdict
from pvtest.stream.trials import Trials


def _requirements(data: dict[str, Any]) -> Requirements:
    items = [
        Requirement(
            id=entry["id"],
            number=number,
            group=entry["group"],
            text=entry["text"],
            basis=entry["basis"],
            level=entry["level"],
            aliases=tuple(entry["aliases"]),
            unit=entry.get("unit", ""),
            section=entry.get("section", ""),
            # Older documents have no reasons.
            reason=entry.get("reason", "") if entry["verdict"] == "not-covered" else "",
        )
        for number, entry in enumerate(data["requirements"], 1)
    ]
    return Requirements(items, data["requirement_groups"])


def _frames(frames: list[dict[str, Any]]) -> list[Frame]:
    return [
        Frame(
            int(frame["offset"], 16),
            frame["function"],
            frame["source"],
            [(line["line"], line["text"]) for line in frame.get("code", [])],
        )
        for frame in frames
    ]


def _crash(entry: dict[str, Any]) -> Crash:
    return Crash(
        entry["program"], entry["boot"], entry["test"], entry["text"], entry["lines"], _frames(entry["frames"])
    )


def _result(entry: dict[str, Any], tests: dict[str, Test]) -> TestResult:
    name = entry["id"].partition("@")[0]
    test = tests.setdefault(
        name,
        Test(
            id=name,
            group=entry["group"],
            title=entry["title"],
            requirements=tuple(entry["requirements"]),
            classes=(),
            kinds=tuple(entry["kinds"]),
            level=entry["level"],
            where=entry["where"],
            tier=DECLARED_TIER if entry.get("tier") == DECLARED_TIER else "",
        ),
    )
    return TestResult(
        instance=Instance(test, entry["device"]),
        verdict=Verdict(entry["verdict"]),
        reason=entry["reason"],
        duration_us=round(entry["duration_ms"] * 1000),
        virtual_clock=entry.get("virtual_clock", False),
        expected=entry["expected"],
        actual=entry["actual"],
        where=entry["where"],
        observation=entry["observation"],
        seed=entry["seed"],
        rounds=entry["rounds"],
        details=entry["details"],
        crash=entry["crash"],
        frames=_frames(entry["frames"]),
        story=Story(name, **entry["story"]) if entry.get("story") else None,
    )


def _timing(data: dict[str, Any]) -> Timing:
    def seconds(key: str) -> float | None:
        return None if data[key] is None else data[key] / 1000

    return Timing(
        total=data["boot_to_verdict_ms"] / 1000,
        to_first_line=seconds("power_on_to_first_line_ms"),
        tests=seconds("tests_ms"),
        firmware_to_first_test_us=data["firmware_to_first_test_us"],
        buses_up_us=data.get("buses_up_us"),
        buses=data.get("buses", 0),
    )


def _gate(data: dict[str, Any]) -> Gate:
    return Gate(
        profile=data["gate"]["profile"] or {},
        baseline=data["gate"]["baseline"],
        demands={entry["id"]: entry["demand"] for entry in data["requirements"] if entry["demand"]},
        findings=[Finding(**finding) for finding in data["gate"]["findings"]],
        excused={entry["id"]: entry["excused"] for entry in data["tests"] if entry["excused"]},
    )


def _trials(data: dict[str, Any]) -> Trials | None:
    """In short, as results.json has them."""
    if "campaign" not in data:
        return None
    kind = data["campaign"]["kind"]
    entries = (
        {
            kind.removesuffix("s"): entry["name"],
            "verdict": entry["verdict"],
            "title": "",
            "failing": [],
            "errors": [],
            "problems": [],
        }
        for entry in data["campaign"]["trials"]
    )
    return Trials(kind, tuple(entries))


def _check(path: Path, data: dict[str, Any], run: Run) -> None:
    """The checks beyond the schema: the document must agree with itself, or it was changed."""
    ids = [result.instance.id for result in run.results]
    if len(set(ids)) != len(ids):
        raise UsageError(f"{path}: tests: an id is given twice")
    for entry in data["tests"]:
        if (entry["device"] or "") != entry["id"].partition("@")[2]:
            raise UsageError(f"{path}: tests: {entry['id']!r:.80} does not run on device {entry['device']!r:.40}")
        for name in entry["requirements"]:
            if name not in run.requirements:
                raise UsageError(f"{path}: tests: {entry['id']!r:.80} names the unknown requirement {name!r:.40}")
    counts = {"planned": len(run.selected), **{verdict.value: run.count(verdict) for verdict in Verdict}}
    if data["summary"] != counts:
        raise UsageError(f"{path}: summary says {data['summary']}, but the tests say {counts}")
    if data["exit_code"] != run.exit_code or data["verdict"] != run.verdict.value:
        raise UsageError(
            f"{path}: says exit code {data['exit_code']} and '{data['verdict']}', but its content means "
            f"{run.exit_code} and '{run.verdict.value}'"
        )


def load(path: Path) -> Run:
    """Reads results.json, or that of a results folder."""
    path = json_file.find(path, "results.json")
    data = json_file.load(path, "pvtest-results")
    tests: dict[str, Test] = {}
    results = [_result(entry, tests) for entry in data["tests"]]
    run = Run(
        catalogue=Catalogue(tuple(tests.values()), data["versions"]["guest"]),
        requirements=_requirements(data),
        selected=[result.instance for result in results],
        results=results,
        problems=data["problems"],
        seed=data["seed"],
        repeat=data["repeat"],
        defects=[Defect(name, (), "") for name in data["defects"]],
        variants=[Variant(name, (), "") for name in data["variants"]],
        versions=data["versions"],
        machine=data.get("machine", {}),
        host=data["host"],
        capabilities=data["capabilities"],
        devices=data["devices"],
        timing=_timing(data["timing"]),
        started=data["started"],
        command=data["command"],
        flags=data["flags"],
        boots=[Boot(**boot) for boot in data["boots"]],
        crashes=[_crash(entry) for entry in data.get("crashes", [])],
        guest_log=guest_log.from_document(data["guest_log"]) if "guest_log" in data else None,
        shuffled=data["shuffled"],
        shard=data["shard"],
        plan=data["plan"],
        gate=_gate(data),
        trials=_trials(data),
        covered=frozenset(entry["id"] for entry in data["requirements"] if entry["verdict"] != "not-covered"),
    )
    _check(path, data, run)
    return run
