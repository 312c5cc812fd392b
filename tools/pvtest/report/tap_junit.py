# SPDX-License-Identifier: MIT
"""The result model as TAP 14 and as JUnit XML."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from pvtest.report import reproduce
from pvtest.report.telling import Telling, rows, tell
from pvtest.stream import crash
from pvtest.stream.model import Finding, Run, TestResult, Verdict
from pvtest.stream.trials import Trials

_SIMPLE = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _quoted(text: str) -> str:
    """In double quotes. Characters that YAML refuses or takes for the end of a line and invisible ones are escaped."""
    return '"' + "".join(_SIMPLE.get(letter) or _escape(letter) for letter in text) + '"'


def _escape(letter: str) -> str:
    if letter == " " or letter.isprintable():
        return letter
    code = ord(letter)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _line(text: str) -> str:
    """For a line outside of a block, where nothing can be escaped."""
    return "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split()))


def _gate_id(finding: Finding) -> str:
    """A finding looks like a test to a CI system, which looks at nothing else."""
    return _line(f"gate:{finding.kind}:{finding.subject}").replace("#", "_").replace("\\", "_")


def _directive(run: Run, result: TestResult) -> str:
    """In TAP a failure that is expected is a TODO."""
    if result.verdict is Verdict.SKIP:
        return f" # SKIP {_line(result.reason)}"
    excused = run.excused(result)
    return f" # TODO {_line(excused)}" if excused else ""


def _told(result: TestResult, told: Telling) -> list[str]:
    """YAML has each key once."""
    lines = [f"device{number}: {_quoted(text)}" for number, text in enumerate(told.devices, 1)]
    lines += [f"fault{number}: {_quoted(text)}" for number, text in enumerate(told.faults, 1)]
    lines += [f"step{number}: {_quoted(text)}" for number, text in told.steps]
    return lines + ([f"means: {_quoted(told.story.failure)}"] if told.story and result.verdict is Verdict.FAIL else [])


def _block(run: Run, result: TestResult) -> list[str]:
    lines = []
    if result.verdict in (Verdict.FAIL, Verdict.ERROR):
        lines += [f"verdict: {result.verdict.value}", f"again: {_quoted(reproduce.one(run, result))}"]
        for key in ("reason", "expected", "actual", "where"):
            if value := getattr(result, key):
                lines.append(f"{'message' if key == 'reason' else key}: {_quoted(value)}")
        lines += _told(result, tell(run, result))
    lines.append(f"requirements: {_quoted(' '.join(result.instance.test.requirements))}")
    if result.observation:
        lines.append(f"observation: {_quoted(result.observation)}")
    lines.append(f"duration_us: {result.duration_us}")
    return ["  ---", *(f"  {line}" for line in lines), "  ..."]


def _trial_id(trials: Trials, entry: dict[str, Any]) -> str:
    return _line(f"{trials.word}:{trials.name(entry)}").replace("#", "_").replace("\\", "_")


def _trial_points(trials: Trials, seed: int, first: int) -> list[str]:
    """A test point for each defect or variant of a campaign."""
    lines = []
    for number, entry in enumerate(trials.entries, first):
        good = entry["verdict"] == trials.good
        lines += [f"{'ok' if good else 'not ok'} {number} - {_trial_id(trials, entry)}", "  ---"]
        lines.append(f"  verdict: {entry['verdict']}")
        if not good:
            lines += [f"  message: {_quoted(trials.why(entry))}", f"  again: {_quoted(trials.again(entry, seed))}"]
        lines.append("  ...")
    return lines


def tap(run: Run) -> str:
    """The judged run as TAP 14: what did not report is 'not ok' here, so a reader of this file alone is not misled."""
    trials = run.trials.entries if run.trials else ()
    lines = ["TAP version 14", f"1..{len(run.results) + len(run.gate.findings) + len(trials)}"]
    for number, result in enumerate(run.results, 1):
        ok = "ok" if result.verdict in (Verdict.PASS, Verdict.SKIP) else "not ok"
        lines.append(f"{ok} {number} - {_line(result.instance.id)}{_directive(run, result)}")
        lines += _block(run, result)
    for number, finding in enumerate(run.gate.findings, len(run.results) + 1):
        lines += [f"not ok {number} - {_gate_id(finding)}", "  ---", "  verdict: fail"]
        lines += [f"  message: {_quoted(finding.text)}", "  ..."]
    if run.trials:
        lines += _trial_points(run.trials, run.seed, len(run.results) + len(run.gate.findings) + 1)
    if run.problems:
        lines += [f"# problem: {_line(problem)}" for problem in run.problems]
        lines += [f"# crash: {_line(line)}" for line in _crashes(run)]
        lines.append(f"Bail out! {_line(run.problems[0])}")
    return "\n".join(lines) + "\n"


def xml_text(text: str) -> str:
    """Without what XML 1.0 has no characters for."""
    return _NOT_XML.sub("?", text)


def _details(run: Run, result: TestResult) -> str:
    if result.verdict not in (Verdict.FAIL, Verdict.ERROR):
        return xml_text(result.reason)
    return xml_text("\n".join(f"{name}: {text}" if name else text for name, text in rows(run, result)))


def _crashes(run: Run) -> list[str]:
    return [
        line for found in run.crashes for line in (crash.words(found), *found.lines, *crash.frame_lines(found.frames))
    ]


def _case(run: Run, result: TestResult) -> TestCase:
    case = TestCase(result.instance.id, classname=f"pvtest.{result.instance.test.group}")
    case.time = result.real_us / 1e6
    outcome = {Verdict.FAIL: Failure, Verdict.ERROR: Error, Verdict.SKIP: Skipped}.get(result.verdict)
    if excused := run.excused(result):
        case.result = [Skipped(xml_text(f"known to {result.verdict.value}: {excused}"), result.verdict.value)]
    elif outcome is not None:
        item = outcome(xml_text(result.reason) or result.verdict.value, result.verdict.value)
        item.text = _details(run, result)
        case.result = [item]
    return case


def _gate_case(finding: Finding) -> TestCase:
    case = TestCase(xml_text(_gate_id(finding)), classname="pvtest.gate")
    case.result = [Failure(xml_text(finding.text), finding.kind)]
    return case


def _trial_case(trials: Trials, entry: dict[str, Any], seed: int) -> TestCase:
    case = TestCase(xml_text(_trial_id(trials, entry)), classname=f"pvtest.{trials.kind}")
    if entry["verdict"] != trials.good:
        item = (Error if entry["verdict"] == "error" else Failure)(xml_text(trials.why(entry)), entry["verdict"])
        item.text = xml_text(trials.again(entry, seed))
        case.result = [item]
    return case


def by_the_schema(xml: JUnitXml) -> None:
    """Schemas of CI systems know no number of skipped tests above the suites, and no exponent in a time."""
    root = xml._elem  # pylint: disable=protected-access
    root.attrib.pop("skipped", None)
    for element in root.iter():
        if "time" in element.attrib:
            element.set("time", f"{float(element.get('time')):.6f}")


def junit(run: Run, path: Path) -> None:
    """Writes junit.xml. A problem of the whole run is a test case, because CI systems look at nothing else."""
    suite = TestSuite("pvtest")
    properties = {**run.versions, "seed": str(run.seed), "verdict": run.verdict.value, "baseline": run.gate.baseline}
    properties["profile"] = " ".join(run.gate.profile.get(key, "") for key in ("name", "version")).strip()
    for key, value in properties.items():
        suite.add_property(key, xml_text(value))
    suite.add_testcases([_case(run, result) for result in run.results])
    suite.add_testcases([_gate_case(finding) for finding in run.gate.findings])
    if run.trials:
        suite.add_testcases([_trial_case(run.trials, entry, run.seed) for entry in run.trials.entries])
    if run.problems:
        case = TestCase("run", classname="pvtest.run")
        error = Error(xml_text(run.problems[0]), "error")
        error.text = xml_text("\n".join(run.problems + _crashes(run)))
        case.result = [error]
        suite.add_testcase(case)
    suite.timestamp = run.started
    xml = JUnitXml("pvtest")
    xml.add_testsuite(suite)
    xml.update_statistics()
    by_the_schema(xml)
    xml.write(str(path), pretty=True)
