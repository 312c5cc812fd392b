# SPDX-License-Identifier: MIT
"""Other programs that the runner calls for an answer. QEMU with the suite in it: pvtest.machine.guest_process."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from pvtest.errors import MissingError, RunnerError


def call(
    name: str,
    command: list[str],
    seconds: float,
    text: str = "",
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> tuple[int, str]:
    """The exit code, and what it wrote. `name` is for the message where it does not start, or has no end. It runs in
    `folder`, whatever characters that has: no shell reads it."""
    try:
        done = subprocess.run(
            command,
            input=text,
            env=environment,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise RunnerError(f"{name}: not done after {seconds:g} s") from None
    except OSError as error:
        raise MissingError(f"{name} cannot be started: {error.strerror}") from None
    return done.returncode, done.stdout
