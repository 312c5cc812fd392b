# SPDX-License-Identifier: MIT
"""Runs what a request asks for: one boot, and another one behind each test that took the guest down with it."""

from __future__ import annotations

import dataclasses
import datetime
import tempfile
from pathlib import Path

from pvtest import bootvolume, tpm
from pvtest.assemble import Attempt, assemble
from pvtest.judge import read
from pvtest.model import Run
from pvtest.qemu import command
from pvtest.request import Request
from pvtest.resume import Part, behind
from pvtest.session import Observer, Outcome, Session

__all__ = ["Request", "run", "start"]


def start(request: Request, folder: Path, observer: Observer) -> Outcome:
    """Boots once; serial.log, host.log and qemu.log appear in `folder`."""
    with tempfile.TemporaryDirectory(prefix="pvtest-") as temporary:
        volume = bootvolume.make(Path(temporary) / "volume", request.options(), not request.qemu.devices.hostless)
        line = command(request.qemu, request.accel, volume, folder / "host.log")
        (folder / "host.log").touch()
        logs = (folder / "serial.log", folder / "qemu.log")
        if not request.qemu.tpm:
            return Session(line, request.limits, observer).run(*logs)
        with tpm.refusing() as descriptor:
            line += tpm.arguments(descriptor)
            return Session(line, request.limits, observer, (descriptor,)).run(*logs)


def _attempt(request: Request, part: Part, folder: Path, number: int, observer: Observer) -> Attempt:
    """Boot `number` of a run, from 1. A fixture is for the first boot alone: it breaks the guest anew on every one."""
    asked = dataclasses.replace(
        request,
        selected=list(part.instances),
        seed=request.seed + part.first_round,
        repeat=part.rounds,
        fixture=request.fixture if number == 1 else None,
    )
    where = folder if number == 1 else folder / f"boot-{number}"
    where.mkdir(exist_ok=True)
    outcome = start(asked, where, observer)
    reading = read(outcome.tap, asked.selected, outcome.interruption, asked.seed, asked.repeat)
    return Attempt(asked, outcome, reading, where)


def run(request: Request, folder: Path, observer: Observer) -> Run:
    """Boots until every planned test has reported, was guilty, or no restart is left; then judges."""
    started = datetime.datetime.now(datetime.timezone.utc)
    waiting = [Part(0, request.repeat, tuple(request.selected))]
    attempts: list[Attempt] = []
    restarts = 0
    while waiting:
        part = waiting.pop(0)
        attempt = _attempt(request, part, folder, len(attempts) + 1, observer)
        attempts.append(attempt)
        if attempt.reading.whole:
            continue
        guilty = attempt.reading.guilty
        if guilty is None or not attempt.advanced or observer.stop.is_set():
            break
        waiting = behind(part, len(attempt.outcome.tap.points), guilty.instance) + waiting
        if restarts == request.restarts:
            break
        restarts += 1
    result = assemble(request, attempts, not waiting)
    result.started = started.isoformat(timespec="seconds")
    return result
