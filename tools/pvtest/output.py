# SPDX-License-Identifier: MIT
"""Standard output that may fail: a full disk, a reader that is gone, a terminal that was closed."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from typing import Any

_STREAMS = ("stdin", "stdout", "stderr")


def open_closed() -> None:
    """Gives a standard stream that the caller closed its place again, before a file of the results or the pipe of a
    machine takes it. Nothing can be read from it; a write to standard output fails, and one to standard error is lost.
    """
    for number, name in enumerate(_STREAMS):
        if getattr(sys, name) is None:
            place = os.open(os.devnull, os.O_WRONLY if name == "stderr" else os.O_RDONLY)
            if place != number:
                os.dup2(place, number, inheritable=True)
                os.close(place)
            os.set_inheritable(number, True)
            file = io.FileIO(number, "r" if name == "stdin" else "w", closefd=False)
            buffer = io.BufferedReader(file) if name == "stdin" else io.BufferedWriter(file)
            setattr(sys, name, io.TextIOWrapper(buffer, encoding="utf-8", errors="replace"))


class Output:
    """A run goes on without output that cannot be written, because its results go to files."""

    failed: OSError | None = None  # the first complaint of any; the command line ends with it

    def write(self, text: str) -> int:
        """All of it, or nothing."""
        self._try(lambda: sys.stdout.write(text))
        return len(text)

    def flush(self) -> None:
        """As far as it goes."""
        self._try(sys.stdout.flush)

    def _try(self, action: Callable[[], object]) -> None:
        if Output.failed is None:
            try:
                action()
            except OSError as error:
                Output.failed = error

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stdout, name)


def drop() -> None:
    """Discards the bytes that Python still holds for standard output, so that it does not fail again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
