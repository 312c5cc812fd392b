# SPDX-License-Identifier: MIT
"""Ends all processes of a machine. As a program it is the guardian beside the runner, which outlives a killed runner.

The guardian reads a pipe whose other end only the runner has: `+SESSION MARK` a machine begins, `-SESSION MARK` it is
over, `dPATH` a folder is in use, `rPATH` it is gone. The end of the pipe is that of the runner: whatever is still begun
or in use then is ended and removed. It runs without this package, and only when there is something to do: a shell reads
the pipe, and drops all lines up to one with a dot, which says that nothing is begun or in use.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time

MARK = "PVTEST_MACHINE"  # a variable in the environment of a machine's processes
_ROUNDS = 20  # a process may start another one while it is looked for
_PAUSE = 0.01


def _file(pid: str, name: str) -> bytes:
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return file.read()
    except OSError:
        return b""


def _of(pid: str, session: int, mark: str) -> bool:
    """Is it of this machine, and alive? A wrapper may start QEMU in another group, or in another session."""
    fields = _file(pid, "stat").rpartition(b")")[2].split()
    if len(fields) < 4 or fields[0] in (b"Z", b"X"):
        return False
    return int(fields[3]) == session or f"{MARK}={mark}".encode() in _file(pid, "environ").split(b"\0")


def members(session: int, mark: str) -> list[int]:
    """The processes of a machine: those of its session, and those with its mark in their environment."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and _of(name, session, mark)]


def end(session: int, mark: str) -> None:
    """Kills all of them."""
    for _ in range(_ROUNDS):
        found = members(session, mark)
        if not found:
            return
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        time.sleep(_PAUSE)


def _guard() -> None:
    machines: set[bytes] = set()
    folders: set[bytes] = set()
    for line in sys.stdin.buffer:
        word, rest = line[:1], line[1:].rstrip(b"\n")
        kept = machines if word in b"+-" else folders
        (kept.add if word in b"+d" else kept.discard)(rest)
    for machine in machines:
        session, _, mark = machine.decode().partition(" ")
        end(int(session), mark)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    _guard()
