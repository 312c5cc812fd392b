# SPDX-License-Identifier: MIT
"""The files of a Linux run: linux.json and junit.xml."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from junitparser import Failure, JUnitXml, Skipped, TestCase, TestSuite

from pvtest.clean import printable
from pvtest.linux.judge import Check, exit_code, summary
from pvtest.report.tap_junit import by_the_schema, xml_text


def document(checks: Sequence[Check], words: Sequence[str], about: Mapping[str, Any]) -> dict[str, Any]:
    """linux.json (docs/linux.md)."""
    return {
        "format": "pvtest-linux",
        "format_version": 1,
        "exit_code": exit_code(checks),
        "summary": summary(checks),
        **about,
        "checks": [{**asdict(check), "reason": printable(check.reason)} for check in checks],
        "found": [printable(word) for word in words],
    }


def junit(checks: Sequence[Check], path: Path) -> None:
    """A test case for each check."""
    suite = TestSuite("pvtest-linux")
    for check in checks:
        case = TestCase(check.id, classname="pvtest.linux")
        kind = {"fail": Failure, "skip": Skipped}.get(check.verdict)
        if kind is not None:
            case.result = [kind(xml_text(printable(check.reason)), check.verdict)]
        suite.add_testcase(case)
    xml = JUnitXml("pvtest-linux")
    xml.add_testsuite(suite)
    xml.update_statistics()
    by_the_schema(xml)
    xml.write(str(path), pretty=True)
