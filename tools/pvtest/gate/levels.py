# SPDX-License-Identifier: MIT
"""A step of `make test`: how much guest, host and runner tell never changes what is true."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from pvtest import paths

SECONDS = 600
# From the least to the most: the runner's own words, option verbose of the guest, option log of the host.
LEVELS: dict[str, tuple[str, ...]] = {
    "quiet": ("--quiet", "--host-log", "0"),
    "plain": ("--plain",),
    "verbose": ("--plain", "--verbose"),
    "most": ("--plain", "--verbose", "--verbose", "--host-log", "2"),
}
# Of the levels between the two ends, which the other steps of `make test` use as well: a part of the selection each.
PARTS = {"plain": "1/4", "verbose": "3/4"}


def verdicts(document: dict[str, Any]) -> dict[str, str]:
    """Of every instance, every requirement and the run."""
    found = {test["id"]: test["verdict"] for test in document["tests"]}
    found |= {item["id"]: item["verdict"] for item in document["requirements"]}
    return found | {"exit code": str(document["exit_code"]), "problems": "; ".join(document["problems"])}


def differences(levels: dict[str, dict[str, str]]) -> list[str]:
    """One sentence for each verdict that is not the same everywhere."""
    names = dict.fromkeys(name for found in levels.values() for name in found)
    out = []
    for name in names:
        told = {level: found.get(name, "missing") for level, found in levels.items()}
        if len(set(told.values())) > 1:
            out.append(f"{name}: " + ", ".join(f"{verdict or 'none'} with {level}" for level, verdict in told.items()))
    return out


def compared(found: dict[str, dict[str, str]]) -> list[str]:
    """The differences between the ends, and between the first of them and the tests of each part."""
    first = next(iter(LEVELS))
    out = differences({level: told for level, told in found.items() if level not in PARTS})
    for level, told in found.items():
        if level in PARTS:
            tests = {name: verdict for name, verdict in told.items() if "." in name}
            usual = {name: found[first].get(name, "missing") for name in tests}
            out += differences({first: usual, level: tests})
    return out


def run(folder: Path, globs: tuple[str, ...] = ()) -> tuple[int, list[str]]:
    """Runs the selection once at each level. How many verdicts were compared, and what is wrong."""
    found: dict[str, dict[str, str]] = {}
    for level, options in LEVELS.items():
        where = folder / level
        where.mkdir(parents=True, exist_ok=True)
        part = ["--shard", PARTS[level]] if level in PARTS else []
        command = [sys.executable, "-m", "pvtest", "run", *globs, *options, *part, "--results", str(where / "results")]
        with (where / "output.log").open("wb") as log:
            code = subprocess.run(
                command,
                cwd=paths.ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                timeout=SECONDS,
                check=False,
            ).returncode
        size = (where / "output.log").stat().st_size
        print(f"{level}: exit code {code}, {size} bytes on the terminal", flush=True)
        path = where / "results" / "latest" / "results.json"
        if not path.exists():
            return 0, [f"level {level} left no results: {where / 'output.log'}"]
        found[level] = verdicts(json.loads(path.read_text(encoding="utf-8")))
        if found[level]["exit code"] != str(code):
            return 0, [f"level {level}: exit code {code}, but its results say {found[level]['exit code']}"]
    return len(found[next(iter(LEVELS))]), compared(found)
