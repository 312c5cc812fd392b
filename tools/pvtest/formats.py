# SPDX-License-Identifier: MIT
"""The result model as TAP 14 and as JUnit XML."""

from __future__ import annotations

import re
from pathlib import Path

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from pvtest.model import Run, TestResult, Verdict

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'


def _block(result: TestResult) -> list[str]:
    lines = []
    if result.verdict in (Verdict.FAIL, Verdict.ERROR):
        lines.append(f"verdict: {result.verdict.value}")
        for key in ("reason", "expected", "actual", "where"):
            if value := getattr(result, key):
                lines.append(f"{'message' if key == 'reason' else key}: {_quoted(value)}")
    lines.append(f"requirements: {_quoted(' '.join(result.instance.test.requirements))}")
    if result.observation:
        lines.append(f"observation: {_quoted(result.observation)}")
    lines.append(f"duration_us: {result.duration_us}")
    return ["  ---", *(f"  {line}" for line in lines), "  ..."]


def tap(run: Run) -> str:
    """The judged run as TAP 14: what did not report is 'not ok' here, so a reader of this file alone is not misled."""
    lines = ["TAP version 14", f"1..{len(run.results)}"]
    for number, result in enumerate(run.results, 1):
        ok = "ok" if result.verdict in (Verdict.PASS, Verdict.SKIP) else "not ok"
        skip = f" # SKIP {' '.join(result.reason.split())}" if result.verdict is Verdict.SKIP else ""
        lines.append(f"{ok} {number} - {result.instance.id}{skip}")
        lines += _block(result)
    if run.problems:
        lines += [f"# problem: {' '.join(problem.split())}" for problem in run.problems]
        lines.append(f"Bail out! {' '.join(run.problems[0].split())}")
    return "\n".join(lines) + "\n"


def _xml(text: str) -> str:
    return _NOT_XML.sub("?", text)


def _details(result: TestResult) -> str:
    parts = [result.reason, f"expected: {result.expected}", f"actual: {result.actual}", f"at {result.where}"]
    parts += [f"{key}: {value}" for key, value in result.details.items()] + result.crash
    return _xml("\n".join(part for part in parts if part.strip() and not part.endswith(": ") and part != "at "))


def _case(result: TestResult) -> TestCase:
    case = TestCase(result.instance.id, classname=f"pvtest.{result.instance.test.group}")
    case.time = result.duration_us / 1e6
    outcome = {Verdict.FAIL: Failure, Verdict.ERROR: Error, Verdict.SKIP: Skipped}.get(result.verdict)
    if outcome is not None:
        item = outcome(_xml(result.reason) or result.verdict.value, result.verdict.value)
        item.text = _details(result)
        case.result = [item]
    return case


def junit(run: Run, path: Path) -> None:
    """Writes junit.xml. A problem of the whole run is a test case, because CI systems look at nothing else."""
    suite = TestSuite("pvtest")
    for key, value in {**run.versions, "seed": str(run.seed), "verdict": run.verdict.value}.items():
        suite.add_property(key, _xml(value))
    suite.add_testcases([_case(result) for result in run.results])
    if run.problems:
        case = TestCase("run", classname="pvtest.run")
        error = Error(_xml(run.problems[0]), "error")
        error.text = _xml("\n".join(run.problems))
        case.result = [error]
        suite.add_testcase(case)
    suite.timestamp = run.started
    xml = JUnitXml("pvtest")
    xml.add_testsuite(suite)
    xml.update_statistics()
    xml.write(str(path), pretty=True)
