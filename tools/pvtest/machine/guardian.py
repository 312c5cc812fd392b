# SPDX-License-Identifier: MIT
"""A small process beside the runner. When the runner is killed, it ends the machines and removes temporary folders.

It reads a pipe whose other end only the runner has: `+ID` a process group begins, `-ID` it is over, `dPATH` a folder is
in use, `rPATH` it is gone. At the end of the pipe it ends the groups that still run and removes the folders in use.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading

_PROGRAM = r"""
import os, shutil, signal, sys
groups, folders = set(), set()
for line in sys.stdin.buffer:
    word, rest = line[:1], line[1:].rstrip(b"\n")
    (groups.add if word == b"+" else groups.discard if word == b"-" else folders.add if word == b"d" else
     folders.discard)(rest)
for group in groups:
    try:
        os.killpg(int(group), signal.SIGKILL)
    except OSError:
        pass
for folder in folders:
    shutil.rmtree(folder, ignore_errors=True)
"""


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
                        [sys.executable, "-I", "-S", "-c", _PROGRAM],
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

    def begins(self, group: int) -> None:
        """A machine runs."""
        self._tell(b"+%d" % group)

    def is_over(self, group: int) -> None:
        """A machine was ended and waited for."""
        self._tell(b"-%d" % group)

    def uses(self, folder: str) -> None:
        """A temporary folder was made."""
        self._tell(b"d" + os.fsencode(folder))

    def removed(self, folder: str) -> None:
        """A temporary folder is gone."""
        self._tell(b"r" + os.fsencode(folder))


GUARDIAN = Guardian()
