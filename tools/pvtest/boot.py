# SPDX-License-Identifier: MIT
"""From a request to a judged run: prepares the boot, runs it, and fills the result model."""

from __future__ import annotations

import datetime
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from pvtest import bootvolume, symbols
from pvtest.bootvolume import BootOptions
from pvtest.catalogue import CLASSES, Catalogue, Defect, Instance
from pvtest.judge import judge
from pvtest.model import Run, Timing
from pvtest.qemu import Qemu, command
from pvtest.requirements import Requirements
from pvtest.session import Limits, Observer, Outcome, Session
from pvtest.tap import TapParser
from pvtest.yamlblock import YamlError, number


@dataclass
class Request:
    """What to boot."""

    catalogue: Catalogue
    requirements: Requirements
    selected: list[Instance]
    qemu: Qemu
    accel: str = "tcg"
    seed: int = 1
    repeat: int = 1
    verbose: int = 0
    bench: bool = False
    fixture: str | None = None
    deadline_ms: int | None = None
    defects: list[Defect] = field(default_factory=list)
    limits: Limits = Limits()
    command: list[str] = field(default_factory=list)

    def options(self) -> BootOptions:
        """What guest and host read from the boot volume."""
        return BootOptions(
            seed=self.seed,
            repeat=self.repeat,
            deadline_ms=self.deadline_ms,
            verbose=self.verbose,
            bench=self.bench,
            fixture=self.fixture,
            tests=bootvolume.selection_lines(self.catalogue, self.selected),
            defects=[defect.name for defect in self.defects],
        )


def start(request: Request, folder: Path, observer: Observer) -> Outcome:
    """Boots; serial.log, host.log and qemu.log appear in `folder`."""
    with tempfile.TemporaryDirectory(prefix="pvtest-") as temporary:
        volume = bootvolume.make(Path(temporary) / "volume", request.options())
        line = command(request.qemu, request.accel, volume, folder / "host.log")
        (folder / "host.log").touch()
        return Session(line, request.limits, observer).run(folder / "serial.log", folder / "qemu.log")


def _environment(tap: TapParser, request: Request) -> list[str]:
    """A machine without what the runner attached would make tests skip, and a run look good."""
    problems = []
    found = {device.get("class") for device in tap.facts.get("device", [])}
    for name in CLASSES:
        if name not in found:
            problems.append(f"the guest found no device of class {name}, though the machine has one")
    told = tap.fact("host").get("defect")
    wanted = {defect.name for defect in request.defects}
    if told is not None and set(told.replace("none", "").replace(",", " ").split()) != wanted:
        names = ", ".join(sorted(wanted)) or "none"
        problems.append(f"the reference host runs with defect {told!r}, asked for was {names!r}")
    return problems


def _microseconds(tap: TapParser, key: str) -> int | None:
    try:
        return number(tap.fact("timing").get(key, ""))
    except YamlError:
        return None


def assemble(request: Request, outcome: Outcome, folder: Path) -> Run:
    """Judges what came over the serial port."""
    tap = outcome.tap
    judgement = judge(tap, request.selected, outcome.interruption, request.seed, request.repeat)
    problems = judgement.problems
    if tap.end is not None and not outcome.interruption:
        problems += _environment(tap, request)
    if problems and outcome.stderr:
        problems.append(f"QEMU says: {outcome.stderr.splitlines()[-1][:200]}")
    if problems:
        problems += _host_words(folder / "host.log")
    for result in judgement.results:
        result.frames = symbols.resolve(result.crash)
    timing: Timing = outcome.timing
    timing.firmware_to_first_test_us = _microseconds(tap, "firmware_to_first_test_us")
    guest, host = tap.fact("pvtest"), {**tap.fact("hypervisor"), **tap.fact("host")}
    return Run(
        catalogue=request.catalogue,
        requirements=request.requirements,
        selected=request.selected,
        results=judgement.results,
        problems=problems,
        seed=request.seed,
        repeat=request.repeat,
        defects=request.defects,
        versions={
            "qemu": request.qemu.version,
            "firmware": request.qemu.code,
            "host": host.get("version", "unknown"),
            "guest": guest.get("version", request.catalogue.version or "unknown"),
        },
        host=host,
        devices=tap.facts.get("device", []),
        timing=timing,
        command=request.command,
    )


def _host_words(log: Path, limit: int = 3) -> list[str]:
    """When a run broke, the host's last complaint often says why."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 8192))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []
    words = ("panic", "fatal", "error", "refused", "unhandled", "shutdown")
    bad = [line for line in lines if any(word in line.lower() for word in words)]
    return [f"the host's log says: {line[:200]}" for line in bad[-limit:]]


def run(request: Request, folder: Path, observer: Observer) -> Run:
    """Boots and judges."""
    started = datetime.datetime.now(datetime.timezone.utc)
    outcome = start(request, folder, observer)
    result = assemble(request, outcome, folder)
    result.started = started.isoformat(timespec="seconds")
    return result
