# SPDX-License-Identifier: MIT
"""Runs what a request asks for: one boot, and another one after each test that took the guest down with it.

Tests that wait for slow devices may have a machine of their own, which runs beside the other one.
"""

from __future__ import annotations

import dataclasses
import datetime
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pvtest.errors import RunnerError, system_error
from pvtest.images import boot_volume
from pvtest.machine import tpm
from pvtest.machine.assemble import Attempt, Lane, assemble
from pvtest.machine.guardian import temporary_folder
from pvtest.machine.guest_process import Observer, Outcome, Session
from pvtest.machine.qemu import command, nvme_disks
from pvtest.machine.request import Request
from pvtest.plan.resume import Part, after
from pvtest.stream.judge import read
from pvtest.stream.model import Run

__all__ = ["Request", "run", "start"]

SLOW_FOLDER = "slow-devices"  # of the second machine's logs


def start(request: Request, folder: Path, observer: Observer) -> Outcome:
    """Boots once, or goes on from a saved machine; serial.log, host.log and qemu.log appear in `folder`."""
    logs = (folder / "serial.log", folder / "qemu.log")
    with temporary_folder() as path:
        (folder / "host.log").touch()
        if request.saved is not None:
            with request.saved.orders() as monitor:
                line = request.saved.command(request.options(), Path(path), folder / "host.log", monitor)
                return Session(line, request.patience, observer, (monitor,)).run(*logs)
        volume = boot_volume.make(Path(path) / "volume", request.options(), not request.qemu.devices.hostless)
        line = command(
            request.qemu,
            request.accel,
            volume,
            folder / "host.log",
            virtual_clock=request.virtual_clock,
            nvme=nvme_disks(request.qemu, Path(path), request.virtual_clock),
        )
        if not request.qemu.tpm:
            return Session(line, request.patience, observer).run(*logs)
        with tpm.refusing() as descriptor:
            line += tpm.arguments(descriptor)
            return Session(line, request.patience, observer, (descriptor,)).run(*logs)


def _attempt(request: Request, part: Part, folder: Path, number: int, observer: Observer) -> Attempt:
    """Boot `number` of a run, from 1. A fixture is for the first boot alone: it breaks the guest on every one."""
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
    reading = read(outcome.tap, asked.selected, outcome.interruption, asked.seed, asked.repeat, asked.stop_at)
    return Attempt(asked, outcome, reading, where)


def _lane(request: Request, folder: Path, observer: Observer) -> Lane:
    """Boots one machine until every planned test has reported, was guilty, or no restart is left."""
    waiting = [Part(0, request.repeat, tuple(request.selected))]
    attempts: list[Attempt] = []
    restarts = 0
    while waiting:
        part = waiting.pop(0)
        try:
            attempt = _attempt(request, part, folder, len(attempts) + 1, observer)
        except (OSError, RunnerError) as error:
            if not attempts:
                raise
            problem = system_error(error) if isinstance(error, OSError) else str(error)
            return Lane(request, attempts, False, f"boot {len(attempts) + 1} failed: {problem}")
        attempts.append(attempt)
        if attempt.reading.stopped:
            waiting = []
        if attempt.reading.whole:
            continue
        guilty = attempt.reading.guilty
        if guilty is None or not attempt.advanced or observer.stop.is_set():
            break
        waiting = after(part, len(attempt.outcome.tap.points), guilty.instance) + waiting
        if restarts == request.restarts:
            break
        restarts += 1
    return Lane(request, attempts, not waiting)


def _side_by_side(lanes: list[Request], folders: list[Path], observer: Observer) -> list[Lane]:
    """Each in a thread. An error in one, or Ctrl-C, ends the others as well."""
    with ThreadPoolExecutor(len(lanes)) as pool:
        running = [
            pool.submit(_lane, lane, folder, told)
            for lane, folder, told in zip(lanes, folders, observer.shared(len(lanes)))
        ]
        try:
            return [future.result() for future in running]
        except BaseException:
            observer.stop.set()
            raise


def run(request: Request, folder: Path, observer: Observer) -> Run:
    """Boots all machines of the request, and judges. The logs of the second one are in a folder of its own."""
    started = datetime.datetime.now(datetime.timezone.utc)
    lanes = request.lanes
    folders = [folder, *(folder / SLOW_FOLDER for _ in lanes[1:])]
    for where in folders:
        where.mkdir(exist_ok=True)
    if len(lanes) == 1:
        done = [_lane(lanes[0], folder, observer)]
    else:
        done = _side_by_side(lanes, folders, observer)
    result = assemble(request, done)
    result.started = started.isoformat(timespec="seconds")
    return result
