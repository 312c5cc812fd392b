# SPDX-License-Identifier: MIT
"""Texts that a guest or a file brought: nothing in them may mean anything to a terminal."""

from __future__ import annotations

import re
from typing import Any

_ESCAPE = re.compile(
    r"\x1b(\[[0-9;?=<>]*[ -/]*[@-~]"  # cursor, colors, screen
    r"|[\]PX^_][^\x07\x1b]*(\x07|\x1b\\)?"  # title of the window, and whatever else is a text with an end
    r"|[@-Z\\-_])"
)
# Controls of seven and eight bits, what changes the direction or the end of a line, what is invisible. Tabs and line
# ends stay.
_CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    r"\ud800-\udfff\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
)


def printable(text: str) -> str:
    """Without terminal escapes and control characters: firmware paints the screen it believes to have."""
    return _CONTROL.sub("", _ESCAPE.sub("", text))


def cleaned(data: Any) -> Any:
    """The same for every text in what JSON or TOML can hold."""
    if isinstance(data, str):
        return printable(data)
    if isinstance(data, list):
        return [cleaned(item) for item in data]
    if isinstance(data, dict):
        return {printable(key): cleaned(value) for key, value in data.items()}
    return data
