# SPDX-License-Identifier: MIT
"""A step of `make lint`: every #include against docs/include-rules.toml, and the table in docs/architecture.md.

`python3 -m pvtest.dev.include_rules --write` makes the table.
"""

from __future__ import annotations

import posixpath
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pvtest import paths
from pvtest.errors import EXIT_FAIL, EXIT_OK, UsageError
from pvtest.toml_file import TomlFile

RULES = paths.DOCS / "include-rules.toml"
PAGE = paths.DOCS / "architecture.md"
BEGIN, END = "<!-- include rules: begin -->\n", "<!-- include rules: end -->\n"
SOURCES = ("*.c", "*.h", "*.S", "*.inc", "*.def")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+"([^"]+)"', re.MULTILINE)


@dataclass(frozen=True)
class Folder:
    """One layer: folders or single files, and what they may include."""

    paths: tuple[str, ...]
    holds: str
    may_include: tuple[str, ...]


def within(file: str, path: str) -> bool:
    """The file is the path, or lies below it."""
    return file == path or file.startswith(path + "/")


class Rules:
    """The folders from the bottom to the top."""

    def __init__(self, path: Path = RULES):
        file = TomlFile(path, "pvtest-include-rules", 1)
        self.folders: list[Folder] = []
        for number, table in enumerate(file.data.get("folder", [])):
            file.keys(table, ("paths", "holds", "may_include"), "folder", number)
            folder = Folder(
                tuple(file.strings(table, "paths")),
                file.string(table, "holds", "folder", number),
                tuple(file.strings(table, "may_include")),
            )
            for name in folder.may_include:
                if not self.below(name):
                    file.refuse(f"{folder.paths[0]} may include {name}, which does not stand before it")
            self.folders.append(folder)

    def below(self, name: str) -> bool:
        """The name covers, or is covered by, a folder that has been read."""
        return any(within(name, path) or within(path, name) for folder in self.folders for path in folder.paths)

    def owner(self, file: str) -> Folder | None:
        """The folder with the longest path that matches."""
        best, found = "", None
        for folder in self.folders:
            for path in folder.paths:
                if within(file, path) and len(path) > len(best):
                    best, found = path, folder
        return found

    def complaint(self, file: str, included: str) -> str | None:
        """Why the file may not include the other; None when it may."""
        own, other = self.owner(file), self.owner(included)
        if own is None:
            return f"{file}: no rule of {RULES.name} covers this file"
        if other is None:
            return f"{file}: includes {included}, which no rule of {RULES.name} covers"
        if own is other or any(within(included, name) for name in own.may_include):
            return None
        upward = self.folders.index(other) > self.folders.index(own)
        return f"{file}: includes {included}, {'which is a layer above' if upward else 'which its folder may not'}"

    def table(self) -> str:
        """For the page, in Markdown."""
        lines = ["| folder | holds | may include |", "|---|---|---|"]
        for folder in self.folders:
            names = ", ".join(f"`{name}`" for name in folder.paths)
            allowed = ", ".join(_short(folder.may_include)) or "nothing"
            lines.append(f"| {names} | {folder.holds} | {allowed} |")
        return "\n".join(lines) + "\n"


def _short(names: tuple[str, ...]) -> list[str]:
    """Headers of one folder as one entry."""
    headers = [posixpath.basename(name)[:-2] for name in names if name.startswith("lib/")]
    rest = [name for name in names if not name.startswith("lib/")]
    return rest + ([f"of `lib` {', '.join(headers)}"] if headers else [])


def includes(root: Path = paths.ROOT) -> Iterator[tuple[str, str]]:
    """Every file of the tree with each file of the tree that it includes."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *SOURCES],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    )
    files = [name for name in listed.stdout.splitlines() if (root / name).is_file()]
    for file in files:
        for included in INCLUDE.findall((root / file).read_text(encoding="utf-8")):
            near = posixpath.normpath(posixpath.join(posixpath.dirname(file), included))
            if (root / included).is_file():
                yield file, included
            elif (root / near).is_file():
                yield file, near


def with_table(page: str, table: str) -> str:
    """The page with this table between its two marks."""
    begin, end = page.find(BEGIN), page.find(END)
    if not 0 <= begin < end:
        raise UsageError(f"{PAGE}: the marks of the folder table are missing")
    return page[: begin + len(BEGIN)] + table + page[end:]


def main(arguments: list[str]) -> int:
    """Prints a line for each include that the rules refuse."""
    rules = Rules()
    page = PAGE.read_text(encoding="utf-8")
    made = with_table(page, rules.table())
    if "--write" in arguments:
        PAGE.write_text(made, encoding="utf-8")
        return EXIT_OK
    wrong = [line for pair in includes() if (line := rules.complaint(*pair)) is not None]
    if made != page:
        wrong.append(f"{PAGE.name}: the folder table is not that of {RULES.name}; write it with --write")
    print("".join(f"{line}\n" for line in wrong), end="", file=sys.stderr)
    return EXIT_FAIL if wrong else EXIT_OK


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
