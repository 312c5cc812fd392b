# SPDX-License-Identifier: MIT
"""A small process beside the runner. When the runner is killed, it ends the machines and removes temporary folders."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import IO

from pvtest import paths
from pvtest.errors import TEMPORARY, RunnerError, system_error
from pvtest.machine import processes


# A shell starts in a tenth of the time of Python, which has mostly nothing to do here.
_SHELL = """\
told=
while IFS= read -r line; do
    if [ "$line" = . ]; then told=; else told=$told$line'
'; fi
done
[ -z "$told" ] || printf %s "$told" | "$1" -I -S "$2"
"""


class Guardian:
    """One for all machines of this runner; started with the first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._open: set[bytes] = set()

    def _tell(self, word: bytes, what: bytes) -> None:
        with self._lock:
            if word in b"+d":
                self._open.add(what)
            else:
                self._open.discard(what)
            text = word + what + (b"" if self._open else b"\n.")
            try:
                if self._process is None:
                    # Of a session of its own, so that no signal to ours ends it.
                    self._process = subprocess.Popen(  # pylint: disable=consider-using-with  # ends with this process
                        ["/bin/sh", "-c", _SHELL, "guardian", sys.executable, processes.__file__],
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
        self._tell(b"+", f"{session} {mark}".encode())

    def is_over(self, session: int, mark: str) -> None:
        """A machine was ended and waited for."""
        self._tell(b"-", f"{session} {mark}".encode())

    def uses(self, folder: str) -> None:
        """A temporary folder was made."""
        self._tell(b"d", os.fsencode(folder))

    def removed(self, folder: str) -> None:
        """A temporary folder is gone."""
        self._tell(b"r", os.fsencode(folder))


GUARDIAN = Guardian()


@contextmanager
def runner(words: Sequence[str], log: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """Another runner with these words, which ends with this one, however that ends; its output goes into the log."""
    command = [sys.executable, str(paths.ROOT / "tools" / "start.py"), *words]
    # Of a session of its own: this runner tells it to end, where it is to end.
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
    ) as process:
        mark = f"runner-{process.pid}"  # in no environment: its machines are left to the guardian of its own
        GUARDIAN.begins(process.pid, mark)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
            GUARDIAN.is_over(process.pid, mark)


_PR_SET_THP_DISABLE = 41  # linux/prctl.h


@lru_cache(maxsize=1)
def _without_large_pages() -> None:
    """For all processes that this one starts from now on. In a virtual machine the first access to a large page can
    take 5 ms, which then falls on one test or another by chance."""
    with contextlib.suppress(OSError, AttributeError):  # another system than Linux
        ctypes.CDLL(None).prctl(_PR_SET_THP_DISABLE, 1, 0, 0, 0)


def start_machine(
    command: Sequence[str], stdout: int, stderr: IO[bytes] | int, inherited: tuple[int, ...] = ()
) -> tuple[subprocess.Popen[bytes], str]:
    """Starts QEMU in a session of its own: Ctrl-C reaches the runner alone, which then ends all of the session.
    `inherited` are descriptors that the command line names. Returns the process, and the mark in the environment of
    all its processes. Raises RunnerError where it cannot be started."""
    mark = secrets.token_hex(8)
    if any(word.startswith("tcg") for word in command):
        _without_large_pages()
    try:
        process = subprocess.Popen(  # pylint: disable=consider-using-with  # the caller ends it
            command,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            pass_fds=inherited,
            env={**os.environ, processes.MARK: mark},
            start_new_session=True,
        )
    except OSError as error:
        raise RunnerError(f"{command[0]} cannot be started: {error.strerror or error}") from None
    GUARDIAN.begins(process.pid, mark)
    return process, mark


LOCK = "in-use"  # a file in each temporary folder


@lru_cache(maxsize=1)
def _sweep() -> None:
    """Removes temporary folders of runners that were killed, once. One whose lock is held has an owner."""
    for path in Path(tempfile.gettempdir()).glob(f"{TEMPORARY}*/{LOCK}"):
        with contextlib.suppress(OSError), path.open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path.parent, ignore_errors=True)


@contextmanager
def temporary_folder() -> Iterator[str]:
    """One that is gone at the end."""
    _sweep()
    try:
        made = tempfile.TemporaryDirectory(prefix=TEMPORARY)  # pylint: disable=consider-using-with
    except OSError as error:
        raise RunnerError(f"no temporary folder: {system_error(error)}") from None
    with made as path, open(os.path.join(path, LOCK), "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        GUARDIAN.uses(path)
        yield path
    GUARDIAN.removed(path)
