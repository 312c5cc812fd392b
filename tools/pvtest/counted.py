# SPDX-License-Identifier: MIT
"""Numbers of things, in words."""

from __future__ import annotations


def counted(number: int, word: str) -> str:
    """'1 test', '2 tests'."""
    return f"{number} {word}{'' if number == 1 else 's'}"
