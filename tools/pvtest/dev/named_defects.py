# SPDX-License-Identifier: MIT
"""A step of `make lint`: the right host does not name defects and variants, except for the lines of a short list.

The list is in docs/include-rules.toml: changes inside of an algorithm, which no rule and no seam can express.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from pvtest import paths
from pvtest.dev.include_rules import RULES, within
from pvtest.errors import EXIT_FAIL, EXIT_OK
from pvtest.toml_file import TomlFile

HOMES = ("host/defects", "host/variants")
SOURCES = (".c", ".h", ".S", ".inc", ".def")
LIMIT = 60  # lines in all
NAMED = re.compile(r"\b(?:(?:DEFECT|VARIANT)_[A-Z0-9_]+|ANY_DEFECT|defect_(?:any_)?active|variant_(?:active|status))\b")


def named_lines(text: str) -> int:
    """How many lines name a defect or a variant."""
    return sum(NAMED.search(line) is not None for line in text.splitlines())


def found(files: Iterable[Path], root: Path = paths.ROOT) -> Counter[str]:
    """The lines of each file outside of the folders of defects and variants."""
    counts = Counter[str]()
    for path in files:
        name = path.relative_to(root).as_posix()
        if path.suffix in SOURCES and not any(within(name, home) for home in HOMES):
            counts[name] = named_lines(path.read_text(encoding="utf-8"))
    return +counts


def allowed(path: Path = RULES) -> dict[str, int]:
    """How many lines a file may have."""
    file = TomlFile(path, "pvtest-include-rules", 1)
    lines: dict[str, int] = {}
    for number, table in enumerate(file.data.get("in_place", [])):
        file.keys(table, ("path", "lines"), "in_place", number)
        count = table.get("lines")
        if type(count) is not int or count < 1:
            file.refuse("lines must be a number above 0", file.line_of("lines", "in_place", number))
        lines[file.string(table, "path", "in_place", number)] = count
    if sum(lines.values()) > LIMIT:
        file.refuse(f"more than {LIMIT} lines of the right host would name a defect or a variant")
    return lines


def complaints(counts: Counter[str], lines: dict[str, int]) -> list[str]:
    """One sentence for each file that names too many, and for each line of the list that nothing needs."""
    wrong = [
        f"{name}: {count} lines name a defect or a variant, {lines.get(name, 0)} may"
        for name, count in sorted(counts.items())
        if count > lines.get(name, 0)
    ]
    wrong += [
        f"{RULES.name}: {name} has {counts[name]} such lines, not {count}"
        for name, count in lines.items()
        if counts[name] < count
    ]
    return wrong


def main() -> int:
    """Prints a line for each file that breaks the rule."""
    wrong = complaints(found(sorted((paths.ROOT / "host").rglob("*"))), allowed())
    print("".join(f"{line}\n" for line in wrong), end="", file=sys.stderr)
    return EXIT_FAIL if wrong else EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
