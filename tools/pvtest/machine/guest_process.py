# SPDX-License-Identifier: MIT
"""One boot: starts QEMU, reads its serial port under a watchdog, and ends it. Touches no process but its own."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from pvtest import interrupts
from pvtest.errors import system_error
from pvtest.machine import processes
from pvtest.machine.firmware_words import Before
from pvtest.machine.guardian import GUARDIAN, start_machine
from pvtest.stream.lines import AGAIN, FirmwareStarts, LineAssembler
from pvtest.stream.model import Timing
from pvtest.stream.tap import TapParser

MAX_SERIAL = 16 << 20  # bytes kept and read, beside those for results; a whole run writes far less than 1 MiB
MAX_PER_RESULT = 4 << 10  # bytes more for each result: a run of a hundred rounds has a quarter of a million
MAX_PER_TEST = 2 << 20  # bytes since the last sign of progress; a test reports a few KiB
SILENCE_SECONDS = 30.0  # the guest ends every test by its own deadline long before
POWER_OFF_SECONDS = 10.0  # from the end line to the end of QEMU
REFUSED_SECONDS = 2.0  # of silence after the firmware has said that it will not start the suite
TOTAL_SECONDS = 300.0
_TICK = 0.1
# A serial port sends byte by byte: each would wake this process, which then takes the core from the machine it watches.
_PAUSE = 0.02
_MANY = 16384  # bytes at once; no pause after so much
_DRAIN_MOST = 128 << 10  # bytes still read from a guest that is being stopped: twice what a pipe holds
_STDERR_PART = (
    1000  # bytes kept of the beginning and of the end: the first complaint tells most, the last is the reason
)


@dataclass(frozen=True)
class Limits:
    """How long one boot may take, in seconds."""

    total: float = TOTAL_SECONDS
    silence: float = SILENCE_SECONDS


@dataclass
class Observer:
    """The callbacks of the terminal while the guest runs."""

    line: Callable[[str], None] = lambda text: None
    progress: Callable[[TapParser], None] = lambda tap: None
    stop: threading.Event = field(default_factory=threading.Event)  # set it to end the boot early

    def shared(self, count: int) -> list[Observer]:
        """Observers of `count` boots at the same time, which all end when one is told to. Lines come one by one."""
        lock = threading.Lock()

        def line(text: str) -> None:
            with lock:
                self.line(text)

        def progress(tap: TapParser) -> None:
            with lock:
                self.progress(tap)

        return [Observer(line, progress, self.stop) for _ in range(count)]


@dataclass
class Outcome:
    """The stream and the end of a boot, before any verdict."""

    tap: TapParser
    interruption: str
    timing: Timing
    stderr: str
    before: Before = field(default_factory=Before)
    ended: bool = False  # QEMU did, by itself and too early


def _both_ends(file: BinaryIO) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    data = file.read(_STDERR_PART)
    file.seek(max(len(data), size - _STDERR_PART))
    return (data + file.read()).decode("utf-8", "replace").strip()


class Session:
    """Runs one QEMU to its end or to a limit."""

    def __init__(self, command: list[str], limits: Limits, observer: Observer, inherited: tuple[int, ...] = ()):
        self._command = command
        self._mark = ""
        self._inherited = inherited  # descriptors that the command line names
        self._limits = limits
        self._observer = observer
        self._tap = TapParser()
        self._firmware = FirmwareStarts()
        self._before = Before()
        self._lines = LineAssembler()
        self._timing = Timing()
        self._read = self._read_at_progress = 0
        self._progress = (0, "")
        self._start = self._last = 0.0
        self._plan_at: float | None = None
        self._end_at: float | None = None

    def run(self, serial_log: Path, qemu_log: Path) -> Outcome:
        """Blocks until the guest is done, or gives the reason why it was stopped."""
        with serial_log.open("wb", buffering=0) as log, qemu_log.open("wb+") as errors:
            process, self._mark = start_machine(self._command, subprocess.PIPE, errors, self._inherited)
            self._start = self._last = time.monotonic()
            try:
                interruption = self._pump(process, log)
            finally:
                self._stop(process)
                GUARDIAN.is_over(process.pid, self._mark)
            self._timing.total = time.monotonic() - self._start
            stderr = _both_ends(errors)
        for line in self._lines.flush():
            self._take(line)
        if self._observer.stop.is_set() and self._tap.end is None:
            interruption = interrupts.reason()
        ended = not interruption and self._tap.end is None and not self._tap.bailed
        if ended:
            interruption = f"QEMU ended by itself, with exit code {process.returncode}"
        return Outcome(self._tap, interruption, self._timing, stderr, self._before, ended)

    def _pump(self, process: subprocess.Popen[bytes], log: BinaryIO) -> str:
        assert process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while True:
                if selector.select(_TICK):
                    data = os.read(process.stdout.fileno(), 65536)
                    if not data:
                        return self._wait(process)
                    problem = self._keep(data, log)
                    if problem:
                        return problem
                    if len(data) < _MANY:
                        time.sleep(_PAUSE)
                self._observer.progress(self._tap)
                stop = self._limit()
                if stop is not None:
                    self._drain(selector, process.stdout.fileno(), log)
                    return stop

    def _keep(self, data: bytes, log: BinaryIO) -> str:
        """Judges and stores what the guest wrote; why the log cannot take it, or nothing."""
        self._feed(data)
        try:
            log.write(data)
            log.flush()
        except OSError as error:
            return f"its log could not be written: {system_error(error, log.name)}"
        return ""

    def _drain(self, selector: selectors.BaseSelector, pipe: int, log: BinaryIO) -> None:
        """Takes results that the guest had written by the time it is stopped; a flood ends at a limit."""
        taken = 0
        while taken < _DRAIN_MOST and selector.select(0):
            data = os.read(pipe, 65536)
            if not data or self._keep(data, log):
                return
            taken += len(data)

    def _feed(self, data: bytes) -> None:
        self._last = time.monotonic()
        self._read += len(data)
        for line in self._lines.feed(data):
            self._take(line)
        progress = (len(self._tap.points), self._tap.running)
        if progress != self._progress or not self._tap.started:
            self._progress, self._read_at_progress = progress, self._read

    def _take(self, line: str) -> None:
        self._observer.line(line)
        self._firmware.feed(line, self._tap.started)
        if self._firmware.again:
            return  # what another start writes is no result of this boot
        self._tap.feed(line)
        if not self._tap.started:
            self._before.take(line)
        now = time.monotonic()
        if self._tap.started and self._timing.to_first_line is None:
            self._timing.to_first_line = now - self._start
        if self._tap.planned is not None and self._plan_at is None:
            self._plan_at = now
        if (self._tap.end is not None or self._tap.bailed) and self._end_at is None:
            self._end_at = now
            if self._plan_at is not None:
                self._timing.tests = now - self._plan_at

    def _limit(self) -> str | None:
        """None = go on; else why the guest is stopped."""
        now = time.monotonic()
        if self._observer.stop.is_set():
            return interrupts.reason()
        if self._firmware.again:
            return AGAIN
        if self._read > MAX_SERIAL + MAX_PER_RESULT * len(self._tap.points):
            return f"the guest wrote more than {MAX_SERIAL >> 20} MiB to its serial port, beside its results"
        if self._read - self._read_at_progress > MAX_PER_TEST:
            return f"the guest had written more than {MAX_PER_TEST >> 20} MiB without ending or beginning a test"
        if self._end_at is not None and now - self._end_at > POWER_OFF_SECONDS:
            return f"the guest reached its end but did not power off within {POWER_OFF_SECONDS:.0f} s"
        if now - self._start > self._limits.total:
            return f"the limit of {self._limits.total:g} s for one boot was over (--timeout)"
        if self._before.final and not self._tap.started and now - self._last > REFUSED_SECONDS:
            return "the firmware did not start the suite"
        # The firmware is silent for seconds, on a loaded machine for many.
        silence = self._limits.silence * (1 if self._tap.started else 2)
        if now - self._last > silence:
            where = "the guest" if self._tap.started else "the firmware or the guest"
            return f"{where} had written nothing for {silence:g} s"
        return None

    def _wait(self, process: subprocess.Popen[bytes]) -> str:
        try:
            process.wait(POWER_OFF_SECONDS)
        except subprocess.TimeoutExpired:
            return "QEMU closed its serial port but did not end"
        return ""

    def _stop(self, process: subprocess.Popen[bytes]) -> None:
        """Ends the whole session: a script that was given as QEMU may have children."""
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(2)
        processes.end(process.pid, self._mark)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
