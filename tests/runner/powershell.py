# SPDX-License-Identifier: MIT
"""Lexical rules of PowerShell: enough to see that quotes and brackets are in order, and what is called."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

PAIRS = {")": "(", "]": "[", "}": "{"}
_TOKEN = re.compile(
    r"<#.*?#>|#[^\n]*"  # comments
    r"|'(?:[^']|'')*'"  # a string without variables
    r"|(?P<word>-?[A-Za-z][\w-]*)"
    r"|(?P<open>[\[({])|(?P<close>[\])}])"
    r"|(?P<quote>\")|(?P<end>[\n|;])|.",
    re.DOTALL,
)


@dataclass
class Script:
    """The parts of a script."""

    problems: list[str] = field(default_factory=list)
    statements: list[list[str]] = field(default_factory=list)  # the words of each, outside of strings


def _string_end(text: str, at: int) -> int:
    """After the closing quote of a string with variables; -1 if there is none. $(...) inside may hold quotes."""
    depth = 0
    while at < len(text):
        if text[at] == "`":
            at += 1
        elif text.startswith("$(", at):
            depth += 1
            at += 1
        elif depth and text[at] in "()":
            depth += 1 if text[at] == "(" else -1
        elif not depth and text[at] == '"':
            return at + 1
        elif text[at] == "\n":
            return -1
        at += 1
    return -1


def read(text: str) -> Script:
    """Never raises; what is wrong is in `problems`."""
    script = Script()
    open_brackets: list[tuple[str, int]] = []
    statement: list[str] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        assert match is not None
        line = text.count("\n", 0, at) + 1
        at = match.end()
        if match["quote"]:
            end = _string_end(text, at)
            if end < 0:
                script.problems.append(f"line {line}: a string does not end")
                return script
            at = end
        elif match["word"]:
            statement.append(match["word"])
        elif match["open"]:
            open_brackets.append((match["open"], line))
        elif match["close"]:
            if not open_brackets or open_brackets[-1][0] != PAIRS[match["close"]]:
                script.problems.append(f"line {line}: {match['close']} closes nothing")
                return script
            open_brackets.pop()
        if match["end"] or match["open"] or match["close"]:
            script.statements.append(statement)
            statement = []
    script.problems += [f"line {line}: {bracket} is not closed" for bracket, line in open_brackets]
    script.statements = [words for words in (*script.statements, statement) if words]
    return script
