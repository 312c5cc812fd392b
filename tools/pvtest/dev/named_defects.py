# SPDX-License-Identifier: MIT
"""A step of `make lint`: the right host does not name defects and variants, except for the lines of a short list.

The list is in docs/include-rules.toml: changes inside of an algorithm, which no rule and no seam can express. No
function of the right host and no field of its structs may exist for defects and variants alone either, except rules.
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

Texts = dict[str, str]  # by path: sources, without comments and strings

HOMES = ("host/defects", "host/variants")
SOURCES = (".c", ".h", ".S", ".inc", ".def")
LIMIT = 60  # lines in all
NAMED = re.compile(r"\b(?:(?:DEFECT|VARIANT)_[A-Z0-9_]+|ANY_DEFECT|defect_(?:any_)?active|variant_(?:active|status))\b")

# A comment or a string, in C.
ASIDE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.DOTALL)
WORD = re.compile(r"\b[A-Za-z_]\w*\b")
# The name of a function where it is declared or defined: its type begins the line.
FUNCTION = re.compile(
    r"^(?!#|typedef|return|struct \w+ \{)[A-Za-z_][\w \*]*?[ \*](\w+)\([^;{]*\)[^;{]*[;{]", re.MULTILINE
)
STRUCT = re.compile(r"\bstruct (\w*)\s*(\{)")
RULES_STRUCT = "_rules"  # such a struct holds what defects and variants change
POINTER = re.compile(r"\(\*(?:const )?(\w+)\)")
FIELD = re.compile(r"(\w+)\s*(?:\[[^\]]*\]\s*)*(?::\s*\w+)?$")
MEMBER = re.compile(r"(?:\.|->)\s*(\w+)")


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


def _texts(files: Iterable[Path], root: Path) -> tuple[Texts, Texts]:
    """Of the right host, and of defects and variants."""
    right: Texts = {}
    others: Texts = {}
    for path in files:
        name = path.relative_to(root).as_posix()
        if path.suffix in SOURCES:
            text = ASIDE.sub(lambda aside: re.sub(r"[^\n]", " ", aside[0]), path.read_text(encoding="utf-8"))
            (others if any(within(name, home) for home in HOMES) else right)[name] = text
    return right, others


def _functions(right: Texts, others: Texts) -> list[str]:
    """Those of the right host that only defects or variants call."""
    declared: dict[str, str] = {}
    used: set[str] = set()
    for name, text in right.items():
        places = {match.span(1): match[1] for match in FUNCTION.finditer(text)}
        declared.update(dict.fromkeys(places.values(), name))
        used.update(match[0] for match in WORD.finditer(text) if match.span() not in places)
    called = {word for text in others.values() for word in WORD.findall(text)}
    return [
        f"{name}: {function}() is called by defects or variants alone"
        for function, name in sorted(declared.items())
        if function in called - used
    ]


def _block(text: str, start: int) -> str:
    """The text between the brace at `start` and the one that closes it."""
    depth = 0
    for place in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return text[start + 1 : place]
    return text[start + 1 :]


def _names(declaration: str) -> list[str]:
    """The fields that a declaration in a struct has, without those of a struct inside of it."""
    while (start := declaration.find("{")) >= 0:
        declaration = declaration[:start] + declaration[start + len(_block(declaration, start)) + 2 :]
    pointer = POINTER.search(declaration)
    if pointer:
        return [pointer[1]]
    return [match[1] for part in declaration.split(",") if (match := FIELD.search(part.strip()))]


def _fields(right: Texts, others: Texts) -> list[str]:
    """Those of the right host's structs, rules aside, that only defects or variants read or write."""
    declared: dict[str, str] = {}
    for name, text in right.items():
        for match in STRUCT.finditer(text):
            if not match[1].endswith(RULES_STRUCT):
                # Structs inside of it are found by themselves; their fields end with a semicolon, too.
                inner = re.sub(r"\{[^{}]*\}", "", _block(text, match.start(2)))
                declared.update((field, name) for part in inner.split(";") for field in _names(part))
    used = {field for text in right.values() for field in MEMBER.findall(text)}
    touched = {field for text in others.values() for field in MEMBER.findall(text)}
    rules = {
        field
        for text in right.values()
        for match in STRUCT.finditer(text)
        if match[1].endswith(RULES_STRUCT)
        for part in _block(text, match.start(2)).split(";")
        for field in _names(part)
    }
    return [
        f"{name}: only defects or variants use the field {field}"
        for field, name in sorted(declared.items())
        if field in touched - used - rules
    ]


def for_defects_alone(files: Iterable[Path], root: Path = paths.ROOT) -> list[str]:
    """One sentence for each function, and for each field of a struct without rules, that the right host does not need.
    A name that two structs have counts as one."""
    right, others = _texts(files, root)
    return _functions(right, others) + _fields(right, others)


def main() -> int:
    """Prints a line for each file that breaks the rule."""
    files = sorted((paths.ROOT / "host").rglob("*"))
    wrong = complaints(found(files), allowed()) + for_defects_alone(files)
    print("".join(f"{line}\n" for line in wrong), end="", file=sys.stderr)
    return EXIT_FAIL if wrong else EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
