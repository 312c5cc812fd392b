# SPDX-License-Identifier: MIT
"""A serial port: from its bytes to lines, in bounded memory, and what lines tell of a second start of the firmware.

QEMU runs with -no-reboot, so a reset ends it. An INIT of the first processor, which a guest may have a device send,
does not: the firmware begins again, outside of the reference host.
"""

from __future__ import annotations

import re

from pvtest.clean import printable

__all__ = ["AGAIN", "MAX_LINE", "FirmwareStarts", "LineAssembler", "printable"]

MAX_LINE = 4096  # bytes; the guest's own limit is far below


class LineAssembler:
    """Feed bytes as they come, get whole lines. A line that is too long is cut, the rest of it dropped."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._dropping = False

    def feed(self, data: bytes) -> list[str]:
        """The lines that these bytes complete."""
        lines = []
        for piece in data.splitlines(keepends=True) if b"\n" in data else [data]:
            # bytes.splitlines also ends lines at a lone CR, which does not end a line here.
            ended = piece.endswith(b"\n")
            if not self._dropping:
                self._pending += piece
            if len(self._pending) > MAX_LINE:
                del self._pending[MAX_LINE:]
                self._dropping = True
            if ended:
                lines.append(self._take())
        return lines

    def flush(self) -> list[str]:
        """The rest of a stream that ends without a newline."""
        return [self._take()] if self._pending else []

    def _take(self) -> str:
        text = self._pending.decode("utf-8", "replace").rstrip("\r\n")
        self._pending.clear()
        self._dropping = False
        return text


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
