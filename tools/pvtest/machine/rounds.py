# SPDX-License-Identifier: MIT
"""--until-fail: rounds in growing groups, one boot per group, until a test does not pass."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from pvtest.errors import EXIT_OK
from pvtest.machine.request import Request
from pvtest.stream.model import Run

DEFAULT_ROUNDS = 1000  # without --repeat
SECONDS_PER_BOOT = 60.0  # of tests, so that the firmware's seconds do not matter and a failure is seen soon
MOST_RESULTS = 50_000  # in one stream


def until_fail(request: Request, rounds: int, boot: Callable[[Request, str], Run]) -> Run:
    """Up to `rounds` rounds; returns the run that failed, or the last one. `boot` gets the rounds in words, too."""
    done, group = 0, 1
    while True:
        group = max(1, min(group, rounds - done, MOST_RESULTS // len(request.selected)))
        part = dataclasses.replace(request, seed=request.seed + done, repeat=group)
        run = boot(part, f", rounds {done + 1} to {done + group}")
        run.rounds_before = done
        done += group
        if run.exit_code != EXIT_OK or done >= rounds:
            return run
        seconds = (run.timing.tests or SECONDS_PER_BOOT) / group
        group = min(group * 4, max(1, int(SECONDS_PER_BOOT / max(seconds, 0.001))))
