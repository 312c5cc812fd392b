# SPDX-License-Identifier: MIT
"""Standard output that may fail: a full disk, a reader that is gone, a terminal that was closed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any


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
