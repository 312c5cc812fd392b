# SPDX-License-Identifier: MIT
"""The result model. Every output format is made from it; no format knows more than another."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from pvtest.catalogue import Catalogue, Defect, Instance
from pvtest.errors import EXIT_ERROR, EXIT_FAIL, EXIT_OK
from pvtest.requirements import Requirements


class Verdict(str, Enum):
    """What became of a test, or of a run."""

    PASS = "pass"
    FAIL = "fail"  # the host broke a requirement
    ERROR = "error"  # the test or its environment is wrong
    SKIP = "skip"


@dataclass
class Frame:
    """One frame of a backtrace: an offset into the image, and where that is in the source."""

    offset: int
    function: str = ""
    source: str = ""


@dataclass
class TestResult:
    """What one instance reported."""

    __test__ = False  # not a test case of pytest

    instance: Instance
    verdict: Verdict
    reason: str = ""
    duration_us: int = 0
    expected: str = ""
    actual: str = ""
    where: str = ""
    observation: str = ""
    seed: int = 1  # of the round that is reported
    rounds: int = 1
    details: dict[str, str] = field(default_factory=dict)
    crash: list[str] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)


@dataclass
class Timing:
    """Wall clock in seconds unless the name says otherwise; None = never got there."""

    total: float = 0.0
    to_first_line: float | None = None  # power-on to the first byte of the TAP stream: nearly all firmware
    tests: float | None = None  # plan to end line
    firmware_to_first_test_us: int | None = None  # measured by the guest: its own code


@dataclass
class Run:
    """One boot and what it told."""

    catalogue: Catalogue
    requirements: Requirements
    selected: list[Instance]
    results: list[TestResult]
    problems: list[str]  # what is wrong with the run as a whole
    seed: int = 1
    repeat: int = 1
    defects: list[Defect] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    host: dict[str, str] = field(default_factory=dict)
    devices: list[dict[str, str]] = field(default_factory=list)
    timing: Timing = field(default_factory=Timing)
    started: str = ""
    command: list[str] = field(default_factory=list)

    def count(self, verdict: Verdict) -> int:
        """How many instances have this verdict."""
        return sum(result.verdict is verdict for result in self.results)

    @property
    def exit_code(self) -> int:
        """2 wins over 1: a run that is not whole says nothing certain about the host."""
        if self.problems or self.count(Verdict.ERROR) or len(self.results) != len(self.selected):
            return EXIT_ERROR
        return EXIT_FAIL if self.count(Verdict.FAIL) else EXIT_OK

    @property
    def verdict(self) -> Verdict:
        """The exit code in a word."""
        return {EXIT_OK: Verdict.PASS, EXIT_FAIL: Verdict.FAIL}.get(self.exit_code, Verdict.ERROR)
