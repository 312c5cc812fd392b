# SPDX-License-Identifier: MIT
"""TOML files that a person wrote: every complaint names file and line, and ends with exit code 3."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, NoReturn

from pvtest.clean import cleaned
from pvtest.errors import UsageError, suggest

MAX_BYTES = 1 << 20
MAX_DEPTH = 64  # of brackets; tomllib descends into them


class TomlFile:
    """One parsed file of a known format and version."""

    def __init__(self, path: Path, form: str, version: int):
        self.path = path
        self.text = read_text(path, MAX_BYTES)
        deepest = max((line.count("[") + line.count("{") for line in self.text.splitlines()), default=0)
        if deepest > MAX_DEPTH:
            self.refuse("brackets are nested too deep")
        try:
            self.data: dict[str, Any] = cleaned(tomllib.loads(self.text))
        except tomllib.TOMLDecodeError as error:
            line = re.search(r"at line (\d+)", str(error))
            self.refuse(f"not TOML: {error}", int(line[1]) if line else None)
        except (RecursionError, ValueError) as error:
            self.refuse(f"not TOML: {error}")
        if self.data.get("format") != form:
            self.refuse(
                f"format is {self.data.get('format', 'missing')!r:.60}; this must be a file with format = {form!r}",
                self.line_of("format"),
            )
        if self.data.get("format_version") != version:
            found = self.data.get("format_version", "missing")
            self.refuse(
                f"format_version is {found!r:.60}; this runner reads version {version}", self.line_of("format_version")
            )

    def refuse(self, message: str, line: int | None = None) -> NoReturn:
        """Ends with the message, which names the place."""
        raise UsageError(f"{self.path}{f':{line}' if line else ''}: {message}")

    def line_of(self, key: str, table: str = "", number: int = 0) -> int | None:
        """The line of a key; of a key in the table `table`; of one in the `number`-th [[table]]. None = not found."""
        seen, inside = -1, table == ""
        header = re.compile(rf"\s*\[\[?\s*{re.escape(table)}\s*\]\]?")
        begin: int | None = None
        for index, line in enumerate(self.text.splitlines(), 1):
            if re.match(r"\s*\[", line) and not inside or re.match(r"\s*\[\[?[\w\s.-]+\]\]?\s*(#.*)?$", line):
                if inside and table:
                    break
                inside = False
                if table and header.match(line):
                    seen += 1
                    inside = seen == number
                    begin = index if inside else begin
            elif inside and re.match(rf"""\s*["']?{re.escape(key)}["']?\s*=""", line):
                return index
        return begin

    def keys(self, table: dict[str, Any], known: tuple[str, ...], name: str = "", number: int = 0) -> None:
        """Refuses keys that nothing reads: most are misspelt."""
        for key in table:
            if key not in known:
                where = f" in [{name}]" if name else ""
                hint = suggest(key, known) or f" Known: {', '.join(known)}."
                self.refuse(f"unknown key {key!r:.60}{where}.{hint}", self.line_of(key, name, number))

    def string(self, table: dict[str, Any], key: str, name: str = "", number: int = 0) -> str:
        """A text that must be there and not be empty."""
        value = table.get(key)
        if not isinstance(value, str) or not value.strip():
            self.refuse(f"{key} must be a text that is not empty", self.line_of(key, name, number))
        return " ".join(value.split())

    def strings(self, table: dict[str, Any], key: str, name: str = "") -> list[str]:
        """A list of texts; missing = empty."""
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
            self.refuse(f"{key} must be a list of texts", self.line_of(key, name))
        return value

    def table(self, key: str) -> dict[str, Any]:
        """A table; missing = empty."""
        value = self.data.get(key, {})
        if not isinstance(value, dict):
            self.refuse(f"{key} must be a table", self.line_of(key))
        return value


def read_text(path: Path, limit: int) -> str:
    """A text file in UTF-8 of at most `limit` bytes."""
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise UsageError(f"{str(path)!r}: {error}") from None
    if len(data) > limit:
        raise UsageError(f"{path}: larger than {limit >> 20} MiB, so that it cannot be what it should be")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path}:{line}: not UTF-8") from None
