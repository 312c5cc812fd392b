# SPDX-License-Identifier: MIT
"""Tells from the serial port that the firmware starts a second time within one boot.

QEMU runs with -no-reboot, so a reset ends it. An INIT of the first processor, which a guest may have a device send,
does not: the firmware begins again, outside of the reference host.
"""

from __future__ import annotations

import re

AGAIN = "the firmware started a second time within one boot: a processor got an INIT, or the machine a reset"

# Lines of OVMF's boot manager. It may try several options before one starts a program that stays.
_ANY = re.compile(r"BdsDxe: ")
_STARTING = re.compile(r"BdsDxe: starting (Boot[0-9A-Fa-f]{4})")


class FirmwareStarts:
    """Feed it lines; `again` is set by the first that cannot be of the first start."""

    def __init__(self) -> None:
        self.again = False
        self._started: set[str] = set()

    def feed(self, line: str, guest_runs: bool) -> None:
        """One line; `guest_runs`: the guest's stream has begun."""
        if guest_runs:
            self.again = self.again or bool(_ANY.search(line))
            return
        match = _STARTING.search(line)
        if match:
            self.again = self.again or match[1] in self._started
            self._started.add(match[1])
