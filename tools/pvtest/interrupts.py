# SPDX-License-Identifier: MIT
"""Ctrl-C, SIGTERM and SIGHUP: a run that is told to stop ends its machines, and keeps and publishes what it found."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STOP = threading.Event()  # boots look at it all the time
_caught: list[str] = []
_deferring: list[bool] = []


def _handle(number: int, frame: object) -> None:
    """Further signals change nothing: the end is near, and writing must not be cut off."""
    if _caught:
        return
    _caught.append(signal.Signals(number).name)
    STOP.set()
    if not _deferring:
        raise KeyboardInterrupt


def _at_once(number: int, frame: object) -> None:
    with suppress(OSError):
        os.write(2, f"run.sh: interrupted by {signal.Signals(number).name}\n".encode("ascii"))
    os._exit(2)  # EXIT_ERROR; an exception would be a traceback of whatever is being imported


def _set(handler: Callable[[int, object], None] | signal.Handlers) -> None:
    """One that is ignored stays so: nohup means it."""
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


def before_import() -> None:
    """As long as nothing has begun, a signal ends the runner at once."""
    _set(_at_once)


def install() -> None:
    """From here on a signal is remembered."""
    _set(_handle)


def finish() -> None:
    """The runner is over and its exit code is certain: after a first signal no other one changes it."""
    if _caught:
        _set(signal.SIG_IGN)


@contextmanager
def deferred() -> Iterator[None]:
    """Inside of it a signal sets STOP and raises nothing: what is being done comes to an end of its own."""
    if _caught:
        raise KeyboardInterrupt
    _deferring.append(True)
    try:
        yield
    finally:
        _deferring.pop()


def caught() -> str:
    """The name of the signal; empty = none came."""
    return _caught[0] if _caught else ""


def reason() -> str:
    """Why a boot ended early, in words that follow 'when'."""
    return f"the runner was interrupted by {caught()}" if caught() else "the runner was told to stop"
