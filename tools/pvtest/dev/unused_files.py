# SPDX-License-Identifier: MIT
"""Files without use: objects that are linked and give nothing to their image, sources and headers of no program.

usage: python3 -m pvtest.dev.unused_files --map MAP... --programs SOURCE... --tree FILE...
  --map       maps that the linker wrote for the images
  --programs  sources of other programs: unit tests and benchmarks
  --tree      files of the source tree; those that are C, assembly, headers or lists (.def) are looked at
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

SUFFIXES = (".c", ".S", ".h", ".def")
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
# " .text.name  0x000  0x12  build/guest/lib/glob.c.o"; a long name of a section has a line of its own.
PLACED = re.compile(r"^ (\.[\w.$-]+)?\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)\s+(\S+\.o)$")
# Sections that say something about the code and are no part of it.
ABOUT = (".debug", ".comment", ".note", ".pvttext", ".pvtdoc", ".eh_frame")


def objects_of(path: Path) -> tuple[set[str], set[str]]:
    """The objects that the linker read, and those among them that the image has code or data of."""
    read, used = set(), set()
    section = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("LOAD ") and line.endswith(".o"):
            read.add(line.removeprefix("LOAD "))
        if re.fullmatch(r" \.\S+", line):
            section = line.strip()
            continue
        placed = PLACED.match(line)
        if placed:
            name = placed[1] or section
            if int(placed[2], 16) and int(placed[3], 16) and not name.startswith(ABOUT):
                used.add(placed[4])
        section = ""
    return read, used


def source_of(path: str) -> str:
    """build/guest/lib/glob.c.o -> lib/glob.c; empty for an object of somewhere else."""
    found = re.search(r"/(?:guest|host)/(.+\.[cS])\.o$", path)
    return found[1] if found else ""


def reached(roots: set[str]) -> set[str]:
    """These files and all that they include, directly or not."""
    found: set[str] = set()
    todo = list(roots)
    while todo:
        name = todo.pop()
        if name in found or not Path(name).exists():
            continue
        found.add(name)
        for included in INCLUDE.findall(Path(name).read_text(encoding="utf-8")):
            beside = (Path(name).parent / included).as_posix()
            todo += [included, beside]
    return found


def main(arguments: list[str]) -> int:
    """Prints one line for each file without use."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--map", nargs="+", type=Path, required=True)
    parser.add_argument("--programs", nargs="+", required=True)
    parser.add_argument("--tree", nargs="+", required=True)
    options = parser.parse_args(arguments)
    problems = []
    roots = set(options.programs)
    for path in options.map:
        read, used = objects_of(path)
        if not used:
            problems.append(f"{path}: names no object")
        linked = {source_of(name) for name in used}
        roots |= linked - {""}
        unused = {source_of(name) for name in read} - linked - {""}
        problems += [f"{name}: {path.stem} links it and needs nothing of it" for name in sorted(unused)]
    known = reached(roots)
    looked_at = [name for name in options.tree if name.endswith(SUFFIXES) and Path(name).exists()]
    problems += [f"{name}: no program uses it" for name in sorted(set(looked_at) - known)]
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
