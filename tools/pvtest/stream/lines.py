# SPDX-License-Identifier: MIT
"""From the bytes of a serial port to lines, in bounded memory."""

from __future__ import annotations

from pvtest.clean import printable

__all__ = ["MAX_LINE", "LineAssembler", "printable"]

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
