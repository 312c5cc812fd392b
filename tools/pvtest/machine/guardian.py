# SPDX-License-Identifier: MIT
"""A small process beside the runner. When the runner is killed, it ends the machines and removes temporary folders."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

from pvtest.machine import processes


class Guardian:
    """One for all machines of this runner; started with the first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def _tell(self, text: bytes) -> None:
        with self._lock:
            try:
                if self._process is None:
                    # Isolated, so that it starts quickly; of a session of its own, so that no signal to ours ends it.
                    self._process = subprocess.Popen(  # pylint: disable=consider-using-with  # ends with this process
                        [sys.executable, "-I", "-S", processes.__file__],
                        stdin=subprocess.PIPE,
                        stdout=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL,
                        start_new_session=True,
                    )
                assert self._process.stdin is not None
                self._process.stdin.write(text + b"\n")
                self._process.stdin.flush()
            except OSError:
                pass  # without it a killed runner leaves something; nothing else is worse

    def begins(self, session: int, mark: str) -> None:
        """A machine runs: its session, and the mark in the environment of its processes."""
        self._tell(f"+{session} {mark}".encode())

    def is_over(self, session: int, mark: str) -> None:
        """A machine was ended and waited for."""
        self._tell(f"-{session} {mark}".encode())

    def uses(self, folder: str) -> None:
        """A temporary folder was made."""
        self._tell(b"d" + os.fsencode(folder))

    def removed(self, folder: str) -> None:
        """A temporary folder is gone."""
        self._tell(b"r" + os.fsencode(folder))


GUARDIAN = Guardian()
