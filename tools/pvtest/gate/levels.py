# SPDX-License-Identifier: MIT
"""A part of `make test`: how much guest, host and runner tell never changes what is true.

The catalogue has run with the least words; the same without tests of tier stress, which only works longer, runs here
with the most, and a part of it at the levels between.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from pvtest import paths
from pvtest.images.catalogue import DECLARED_TIER

SECONDS = 900
# From the least to the most: the runner's own words, option verbose of the guest, option log of the host.
LEVELS: dict[str, tuple[str, ...]] = {
    "quiet": ("--quiet", "--host-log", "0"),
    "plain": ("--plain",),
    "verbose": ("--plain", "--verbose"),
    "most": ("--plain", "--verbose", "--verbose", "--host-log", "2"),
}
LEAST = next(iter(LEVELS))
# Of the levels between the two ends: a part of the selection each, without a machine for slow devices.
PARTS = {"plain": "1/8", "verbose": "5/8"}
OF_PARTS = ("--class", "rocker", "--class", "dmaprobe", "--class", "none")


def verdicts(document: dict[str, Any]) -> dict[str, str]:
    """Of every instance that is not of tier stress, of every requirement without a test of that tier, and of the
    run."""
    long = {test["id"].partition("@")[0] for test in document["tests"] if test["tier"] == DECLARED_TIER}
    found = {test["id"]: test["verdict"] for test in document["tests"] if test["tier"] != DECLARED_TIER}
    found |= {item["id"]: item["verdict"] for item in document["requirements"] if not long & set(item["tests"])}
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
    """The differences between the ends, and between the least of them and the tests of each part. A requirement that
    the least end leaves out is left out."""
    whole = {level: told for level, told in found.items() if level not in PARTS}
    apart = {name for told in whole.values() for name in told if "." not in name} - found[LEAST].keys()
    whole = {level: {name: told[name] for name in told.keys() - apart} for level, told in whole.items()}
    out = differences({level: dict(sorted(told.items())) for level, told in whole.items()})
    for level, told in found.items():
        if level in PARTS:
            tests = {name: verdict for name, verdict in told.items() if "." in name}
            usual = {name: found[LEAST].get(name, "missing") for name in tests}
            out += differences({LEAST: usual, level: tests})
    return out


def run(folder: Path, least: Path, globs: tuple[str, ...] = ()) -> tuple[int, list[str]]:
    """Runs the selection once at each level but the least, of which `least` is the results folder. How many verdicts
    were compared, and what is wrong."""
    if not (least / "latest" / "results.json").exists():
        return 0, [f"level {LEAST} left no results in {least}"]
    found = {LEAST: verdicts(json.loads((least / "latest" / "results.json").read_text(encoding="utf-8")))}
    for level, options in LEVELS.items():
        if level == LEAST:
            continue
        where = folder / level
        where.mkdir(parents=True, exist_ok=True)
        part = [*OF_PARTS, "--shard", PARTS[level]] if level in PARTS else []
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
    return len(found[LEAST]), compared(found)
