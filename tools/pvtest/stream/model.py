# SPDX-License-Identifier: MIT
"""The result model. Every output format is made from it; no format knows more than another."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from pvtest.errors import EXIT_ERROR, EXIT_FAIL, EXIT_OK
from pvtest.images.catalogue import Catalogue, Defect, Instance, Variant, highest_tier
from pvtest.images.requirements import Requirements
from pvtest.images.stories import Story
from pvtest.stream.guest_log import GuestLog
from pvtest.stream.measurements import Line
from pvtest.stream.trials import Trials


class Verdict(str, Enum):
    """The verdict on a test, or on a run."""

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
    code: list[tuple[int, str]] = field(default_factory=list)  # the source line, the one before, the one after


@dataclass
class Crash:
    """The end of the host by its own mistake, or of a guest while no test of its own could tell."""

    program: str  # "guest" or "host"
    boot: int  # from 1
    test: str  # instance that was running then; empty = none
    text: str
    lines: list[str] = field(default_factory=list)  # registers
    frames: list[Frame] = field(default_factory=list)


DID_NOT_RUN, NOT_REPORTED = "did not run", "was not reported"
IDLE = (DID_NOT_RUN, NOT_REPORTED)


@dataclass
class TestResult:
    """The result of one instance."""

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
    transcript: list[str] = field(default_factory=list)  # as the guest wrote it
    frames: list[Frame] = field(default_factory=list)
    story: Story | None = None  # of the test, where it failed
    virtual_clock: bool = False  # the duration is one of a clock that runs ahead while the guest waits

    @property
    def idle(self) -> bool:
        """It never had a turn, or nothing is known of it: a run that broke off says nothing of this test."""
        return self.verdict is Verdict.ERROR and self.reason.startswith(IDLE)

    @property
    def ran(self) -> bool:
        """It did what it is for, at least in part."""
        return self.verdict is not Verdict.SKIP and not self.idle

    @property
    def real_us(self) -> int:
        """Its time in microseconds of this machine; 0 if only the guest's clock knows."""
        return 0 if self.virtual_clock else self.duration_us


@dataclass
class Timing:
    """Wall clock in seconds unless the name says otherwise; None = never got there."""

    total: float = 0.0
    to_first_line: float | None = None  # power-on to the first byte of the TAP stream: nearly all firmware
    tests: float | None = None  # plan to end line
    firmware_to_first_test_us: int | None = None  # measured by the guest: its own code
    buses_up_us: int | None = None  # so, too: from the first message of VMBus to the last virtual PCI bus
    buses: int = 0  # of these


@dataclass
class Boot:
    """One of the boots of a run."""

    reported: int  # results
    interruption: str = ""  # why it ended before its time
    guilty: str = ""  # instance that was running then
    seconds: float = 0.0
    virtual_clock: bool = False


@dataclass(frozen=True)
class Finding:
    """Something that a profile or a baseline holds against a run, apart from its failing tests."""

    kind: str  # capability, device, not-verified, unexpected-pass, vanished, expired
    subject: str  # id of a test or requirement, name of a field or class
    text: str


@dataclass
class Gate:
    """The effect of a profile and a baseline on the run."""

    profile: dict[str, str] = field(default_factory=dict)  # name, version, title; empty = none
    baseline: str = ""  # its path; empty = none
    demands: dict[str, str] = field(default_factory=dict)  # requirement -> mandatory, optional, advisory
    findings: list[Finding] = field(default_factory=list)  # each fails the run
    excused: dict[str, str] = field(default_factory=dict)  # instance that failed -> why that fails nothing


@dataclass
class Run:
    """The plan, and the results of its boots."""

    catalogue: Catalogue
    requirements: Requirements
    selected: list[Instance]
    results: list[TestResult]
    problems: list[str]  # what is wrong with the run as a whole
    seed: int = 1
    repeat: int = 1
    defects: list[Defect] = field(default_factory=list)
    variants: list[Variant] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)  # what was booted, pvtest.machine.qemu.Qemu.description
    host: dict[str, str] = field(default_factory=dict)
    capabilities: dict[str, str] = field(default_factory=dict)  # as the guest prints them
    devices: list[dict[str, str]] = field(default_factory=list)
    timing: Timing = field(default_factory=Timing)
    started: str = ""
    command: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)  # options that shape what a test sees
    boots: list[Boot] = field(default_factory=list)
    crashes: list[Crash] = field(default_factory=list)
    shuffled: bool = False
    rounds_before: int = 0  # of --until-fail, which passed
    shard: str = ""  # "2/4" = the second of four parts
    plan: str = ""  # digest of what all shards together plan
    gate: Gate = field(default_factory=Gate)
    trials: Trials | None = None  # of a campaign, whose plain run this is
    guest_log: GuestLog | None = None  # of the host, which wrote one where it was asked for
    measured: list[Line] = field(default_factory=list)  # of the benchmarks, where they ran before
    covered: frozenset[str] | None = None  # requirements that a test of the suite names; None = ask the catalogue

    @property
    def tier(self) -> str:
        """The first one that has all that was selected."""
        return highest_tier(self.selected)

    def count(self, verdict: Verdict) -> int:
        """How many instances have this verdict."""
        return sum(result.verdict is verdict for result in self.results)

    def excused(self, result: TestResult) -> str:
        """Why this failure fails nothing; empty = it does, or it is none."""
        bad = result.verdict in (Verdict.FAIL, Verdict.ERROR)
        return self.gate.excused.get(result.instance.id, "") if bad else ""

    def unexcused(self, verdict: Verdict) -> int:
        """How many instances have this verdict, and nothing to excuse it."""
        return sum(result.verdict is verdict and not self.excused(result) for result in self.results)

    @property
    def exit_code(self) -> int:
        """2 wins over 1: a run that is not whole says nothing certain about the host. A campaign is as bad as the
        worse of its plain run and its trials."""
        return max(self.own_exit_code, self.trials.exit_code if self.trials else EXIT_OK)

    @property
    def own_exit_code(self) -> int:
        """Without the trials of a campaign."""
        if self.problems or self.unexcused(Verdict.ERROR) or len(self.results) != len(self.selected):
            return EXIT_ERROR
        return EXIT_FAIL if self.unexcused(Verdict.FAIL) or self.gate.findings else EXIT_OK

    @property
    def verdict(self) -> Verdict:
        """The exit code in a word."""
        return {EXIT_OK: Verdict.PASS, EXIT_FAIL: Verdict.FAIL}.get(self.exit_code, Verdict.ERROR)
