# SPDX-License-Identifier: MIT
"""results.json: the result model as a document (docs/results.schema.json)."""

from __future__ import annotations

from collections import Counter
from typing import Any

from pvtest.images.stories import Story
from pvtest.report import failures
from pvtest.report.telling import tell
from pvtest.stream import guest_log
from pvtest.stream.counts import SLOW_MS, kind_counts, ran, ran_sentence, slow
from pvtest.stream.coverage import VERDICTS, coverage, requirement_set, states
from pvtest.stream.model import Frame, Run, TestResult, Verdict

FORMAT = "pvtest-results"
FORMAT_VERSION = 1


def _frames(frames: list[Frame]) -> list[dict[str, Any]]:
    return [
        {
            "offset": f"{frame.offset:#x}",
            "function": frame.function,
            "source": frame.source,
            "code": [{"line": line, "text": text} for line, text in frame.code],
        }
        for frame in frames
    ]


def _story(story: Story | None) -> dict[str, str] | None:
    if story is None:
        return None
    return {"steps": story.steps, "expected": story.expected, "failure": story.failure}


def _test(run: Run, result: TestResult) -> dict[str, Any]:
    test = result.instance.test
    told = tell(run, result) if result.verdict in (Verdict.FAIL, Verdict.ERROR) else None
    return {
        "id": result.instance.id,
        "title": test.title,
        "group": test.group,
        "requirements": list(test.requirements),
        "kinds": list(test.kinds),
        "level": test.level,
        "tier": result.instance.tier,
        "device": result.instance.device,
        "verdict": result.verdict.value,
        "reason": result.reason,
        "duration_ms": round(result.duration_us / 1000, 3),
        "virtual_clock": result.virtual_clock,
        "seed": result.seed,
        "rounds": result.rounds,
        "expected": result.expected,
        "actual": result.actual,
        "where": result.where or test.where,
        "observation": result.observation,
        "details": result.details,
        "crash": result.crash,
        "frames": _frames(result.frames),
        "excused": run.excused(result),
        "again": told.again if told else "",
        "devices": told.devices if told else [],
        "story": _story(result.story),
        "slow": slow(result),
    }


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)


def _gate(run: Run) -> dict[str, Any]:
    gate = run.gate
    return {
        "profile": gate.profile or None,
        "baseline": gate.baseline,
        "findings": [{"kind": f.kind, "subject": f.subject, "text": f.text} for f in gate.findings],
    }


def _trials(run: Run) -> dict[str, Any]:
    """The campaign in short; defects.json and variants.json have the rest."""
    trials = run.trials
    if trials is None:
        return {}
    short = [{"name": trials.name(entry), "verdict": entry["verdict"]} for entry in trials.entries]
    return {"campaign": {"kind": trials.kind, "summary": trials.summary, "trials": short}}


def document(run: Run) -> dict[str, Any]:
    """The whole run."""
    covered = coverage(run)
    verdicts = Counter(entry.verdict for entry in covered)
    timing = run.timing
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "verdict": run.verdict.value,
        "exit_code": run.exit_code,
        "summary": {"planned": len(run.selected), **{verdict.value: run.count(verdict) for verdict in Verdict}},
        "problems": run.problems,
        "versions": run.versions,
        "iommu": requirement_set(run),
        **({"machine": run.machine} if run.machine else {}),
        "seed": run.seed,
        "repeat": run.repeat,
        "tier": run.tier,
        "defects": [defect.name for defect in run.defects],
        "variants": [variant.name for variant in run.variants],
        "started": run.started,
        "command": run.command,
        "host": run.host,
        "capabilities": run.capabilities,
        "devices": run.devices,
        "boots": [
            {
                "reported": b.reported,
                "interruption": b.interruption,
                "guilty": b.guilty,
                "seconds": round(b.seconds, 2),
                "virtual_clock": b.virtual_clock,
            }
            for b in run.boots
        ],
        "crashes": [
            {
                "program": crash.program,
                "boot": crash.boot,
                "test": crash.test,
                "text": crash.text,
                "lines": crash.lines,
                "frames": _frames(crash.frames),
            }
            for crash in run.crashes
        ],
        **({} if run.guest_log is None else {"guest_log": guest_log.document(run.guest_log)}),
        "shuffled": run.shuffled,
        "shard": run.shard,
        "plan": run.plan,
        "flags": run.flags,
        "gate": _gate(run),
        "timing": {
            "boot_to_verdict_ms": _milliseconds(timing.total),
            "power_on_to_first_line_ms": _milliseconds(timing.to_first_line),
            "firmware_to_first_test_us": timing.firmware_to_first_test_us,
            "buses_up_us": timing.buses_up_us,
            "buses": timing.buses,
            "tests_ms": _milliseconds(timing.tests),
        },
        **_trials(run),
        "coverage": {"requirements": len(covered), **{verdict: verdicts[verdict] for verdict in VERDICTS}},
        "covered": states(covered),
        "counts": kind_counts(run),
        "ran": {**ran(run), "text": ran_sentence(run)},
        "slow_ms": SLOW_MS,
        "failures": failures.document(run),
        "tests": [_test(run, result) for result in run.results],
        "requirement_groups": run.requirements.groups,
        "requirements": [
            {
                "id": entry.requirement.id,
                "group": entry.requirement.group,
                "level": entry.requirement.level,
                "basis": entry.requirement.basis,
                "text": entry.requirement.text,
                "unit": entry.requirement.unit,
                "section": entry.requirement.section,
                "aliases": list(entry.requirement.aliases),
                "verdict": entry.verdict,
                "state": entry.state,
                "reason": entry.reason,
                "demand": run.gate.demands.get(entry.requirement.id, ""),
                "tests": entry.tests,
            }
            for entry in covered
        ],
    }
