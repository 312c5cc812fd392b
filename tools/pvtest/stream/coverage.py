# SPDX-License-Identifier: MIT
"""From test results to a verdict for every requirement, and whether it is covered."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from pvtest.images.boot_volume import PVIOMMU
from pvtest.images.requirements import Requirement
from pvtest.stream.model import Run, TestResult, Verdict

VERDICTS = ("pass", "fail", "error", "skip", "observed", "not-run", "not-covered")
# Coverage by verdict; the other verdicts mean "covered".
STATES = {"skip": "not-applicable", "not-run": "not-run", "not-covered": "not-covered"}
STATE_NAMES = ("covered", "not-applicable", "not-covered", "not-run")
OUTSIDE = "outside of the selection"


@dataclass
class Coverage:
    """One requirement, the instances that test it, and what they say together."""

    requirement: Requirement
    verdict: str
    tests: list[str] = field(default_factory=list)
    reason: str = ""  # why it is not covered or not applicable; empty where it is covered
    idle: bool = False  # its tests were planned, and the run broke off before any of them had a turn

    @property
    def state(self) -> str:
        """covered: a test of it ran; not-applicable: this host gives none of them an occasion; not-covered: there is
        none; not-run: there are some, outside of the selection or after the place where the run broke off."""
        return "not-run" if self.idle else STATES.get(self.verdict, "covered")


def broken(run: Run, result: TestResult) -> tuple[str, ...]:
    """Requirements that a result speaks of: those of its test, or, where the set-up of the test failed, those of the
    set-up. Before them what a failure breaks beside its test: the promise to a bystander, say."""
    beside = _named(run, result, "beside")
    of_test = tuple(name for name in result.instance.test.requirements if name not in beside)
    return beside + (_named(run, result, "requirement") or of_test)


def nailed(run: Run, result: TestResult) -> tuple[str, ...]:
    """The fewest of them of which one is broken for certain."""
    return _named(run, result, "beside") or broken(run, result)


def _named(run: Run, result: TestResult, key: str) -> tuple[str, ...]:
    return tuple(name for name in result.details.get(key, "").split() if name in run.requirements)


def _together(results: list[TestResult], exists: bool) -> str:
    if not results:
        return "not-run" if exists else "not-covered"
    verdicts = {result.verdict for result in results}
    for bad in (Verdict.FAIL, Verdict.ERROR):
        if bad in verdicts:
            return bad.value
    passed = [result for result in results if result.verdict is Verdict.PASS]
    if not passed:
        return Verdict.SKIP.value
    return "observed" if all(result.instance.test.level == "observe" for result in passed) else Verdict.PASS.value


def _reason(item: Requirement, verdict: str, results: list[TestResult]) -> str:
    if verdict == "skip":
        return "; ".join(dict.fromkeys(result.reason for result in results))
    if verdict == "not-covered":
        return item.reason or "no test names it"
    return OUTSIDE if verdict == "not-run" else ""


def coverage(run: Run) -> list[Coverage]:
    """Every requirement in the order of the file."""
    by_id: dict[str, list[TestResult]] = {item.id: [] for item in run.requirements.items}
    for result in run.results:
        for name in dict.fromkeys(run.requirements[r].id for r in broken(run, result)):
            by_id[name].append(result)
    exists = run.covered
    if exists is None:
        exists = frozenset(run.requirements[name].id for test in run.catalogue.tests for name in test.requirements)
    out = []
    for item in run.requirements.items:
        results = by_id[item.id]
        verdict = _together(results, item.id in exists)
        idle = verdict == Verdict.ERROR.value and not any(result.ran for result in results)
        reason = next(r.reason for r in results if r.idle) if idle else _reason(item, verdict, results)
        out.append(Coverage(item, verdict, [r.instance.id for r in results], reason, idle))
    return out


def unit_of(run: Run) -> str:
    """The unit that the tests have driven: of a run that no runner watched, the one whose statements count."""
    told = str(run.machine.get("unit", ""))
    return told or next((item.unit for item in run.requirements.items if item.unit), PVIOMMU)


def requirement_set(run: Run) -> dict[str, Any]:
    """Unit, version of QEMU, and how many statements count: those of every unit, and those of this one."""
    own = sum(bool(item.unit) for item in run.requirements.items)
    return {
        "unit": unit_of(run),
        "qemu": run.versions.get("qemu", ""),
        "requirements": {"general": len(run.requirements) - own, "own": own},
    }


def unit_sentence(run: Run) -> str:
    """The same in words; empty for a pvIOMMU."""
    found = requirement_set(run)
    counts = found["requirements"]
    if found["unit"] == PVIOMMU:
        return ""
    unit = f"{found['unit']} of QEMU {found['qemu']}"
    return f"{unit}; {counts['general']} general requirements, {counts['own']} of its own"


def states(entries: list[Coverage]) -> dict[str, int]:
    """How many requirements are in which state."""
    counted = Counter(entry.state for entry in entries)
    return {name: counted[name] for name in STATE_NAMES}


def uncovered(entries: list[Coverage]) -> list[Coverage]:
    """The gaps: not applicable on this host, or without a test."""
    return [entry for entry in entries if entry.state in ("not-applicable", "not-covered")]
