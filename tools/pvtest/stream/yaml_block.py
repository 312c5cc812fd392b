# SPDX-License-Identifier: MIT
"""The YAML block after a test point: flat `key: value` lines, values quoted or plain (docs/output-format.md).

A full YAML parser would accept far more than the guest may write, and would be one more package to install.
"""

from __future__ import annotations

import re

MAX_KEYS = 256
_PAIR = re.compile(r"([A-Za-z_][A-Za-z0-9_]*): ?(.*)")
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|.)", re.DOTALL)
_SIMPLE = {"n": "\n", "t": "\t", '"': '"', "\\": "\\", "r": "\r"}


class YamlError(ValueError):
    """The line is not part of the subset."""


def _escape(match: re.Match[str]) -> str:
    code = match[1]
    if code[0] == "x" and len(code) == 3:
        return chr(int(code[1:], 16))
    if code in _SIMPLE:
        return _SIMPLE[code]
    raise YamlError(f"unknown escape \\{code}")


def _unquote(value: str) -> str:
    if not re.fullmatch(r'"(?:[^"\\]|\\.)*"', value):
        raise YamlError(f"bad quotes: {value[:60]}")
    return _ESCAPE.sub(_escape, value[1:-1])


def parse_pair(line: str) -> tuple[str, str]:
    """One `key: value` line without its indentation."""
    match = _PAIR.fullmatch(line)
    if not match:
        raise YamlError(f"not 'key: value': {line[:60]!r}")
    value = match[2].strip()
    return match[1], _unquote(value) if value.startswith('"') else value


def number(text: str) -> int:
    """Decimal or 0x hexadecimal, not negative; anything else raises YamlError."""
    if re.fullmatch(r"[0-9]{1,20}", text):
        return int(text)
    if re.fullmatch(r"0x[0-9a-fA-F]{1,16}", text):
        return int(text, 16)
    raise YamlError(f"not a number: {text[:60]!r}")
