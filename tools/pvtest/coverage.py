# SPDX-License-Identifier: MIT
"""From test results to a verdict for every requirement."""

from __future__ import annotations

from dataclasses import dataclass, field

from pvtest.model import Run, TestResult, Verdict
from pvtest.requirements import Requirement

VERDICTS = ("pass", "fail", "error", "skip", "observed", "not-run", "not-covered")


@dataclass
class Coverage:
    """One requirement, the instances that test it, and what they say together."""

    requirement: Requirement
    verdict: str
    tests: list[str] = field(default_factory=list)


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


def coverage(run: Run) -> list[Coverage]:
    """Every requirement in the order of the file."""
    by_id: dict[str, list[TestResult]] = {item.id: [] for item in run.requirements.items}
    for result in run.results:
        for name in dict.fromkeys(run.requirements[r].id for r in result.instance.test.requirements):
            by_id[name].append(result)
    exists = run.covered
    if exists is None:
        exists = frozenset(run.requirements[name].id for test in run.catalogue.tests for name in test.requirements)
    return [
        Coverage(item, _together(by_id[item.id], item.id in exists), [result.instance.id for result in by_id[item.id]])
        for item in run.requirements.items
    ]
