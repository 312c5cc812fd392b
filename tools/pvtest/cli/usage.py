# SPDX-License-Identifier: MIT
"""Checks of a command line that boot nothing: run.sh asks for them before it sets up and builds."""

from __future__ import annotations

import argparse
from pathlib import Path

from pvtest import new_file
from pvtest.errors import MissingError, UsageError
from pvtest.gate.inputs import load_gate
from pvtest.images import requirements
from pvtest.plan import combinations, names, replay
from pvtest.plan.selection import check_filters

ALONE = "--check-usage"  # the first word of a command line that is to be checked alone


def check(options: argparse.Namespace) -> None:
    """Raises what a person has to change; options that a command does not have are fine."""
    if hasattr(options, "machine"):
        combinations.check(options)
    if getattr(options, "calls_from", 1) > getattr(options, "cpus", 1):
        raise UsageError(f"--calls-from {options.calls_from}: the machine has {options.cpus} processors (--cpus)")
    if getattr(options, "in_order", False) and options.shuffle:
        raise UsageError("--in-order and --shuffle: a run has one order")
    known = requirements.load()
    if hasattr(options, "device_class"):
        check_filters(options.requirement, options.device_class, options.level, options.kind, known)
    given = [path for path in (getattr(options, "profile", None), getattr(options, "baseline", None)) if path]
    if not any(_read_once(Path(path)) for path in given) and given:
        load_gate(options, known, getattr(options, "iommu", None))


def _read_once(path: Path) -> bool:
    """A pipe, which has nothing more for the command after it was looked at here."""
    return path.exists() and not path.is_file()


def _check_results(results: Path) -> None:
    found = next(folder for folder in (results, *results.absolute().parents) if folder.exists())
    if not found.is_dir():
        raise UsageError(f"results folder {results}: {found} is not a folder")


def check_files(command: str, options: argparse.Namespace) -> None:
    """Raises for files and folders that the command could not read or write."""
    if getattr(options, "results", None) is not None:
        _check_results(options.results)
    if getattr(options, "firmware", None) and not Path(options.firmware).is_file():
        why = "is a folder" if Path(options.firmware).is_dir() else "no such file"
        raise UsageError(f"--firmware {options.firmware}: {why}")
    if getattr(options, "replay", None) is not None and not _read_once(options.replay):
        replay.load(options.replay)
    if command == "bundle" and options.output is not None:
        new_file.check(options.output, options.force)
    # pylint: disable=import-outside-toplevel  # they need packages, which the set-up may have to install
    try:
        if command == "image":
            from pvtest.cli import image

            image.check(options)
        elif command == "reduce":
            from pvtest.gate import reduce

            reduce.case(options)
    except (MissingError, ModuleNotFoundError):
        pass


def check_names(command: str, options: argparse.Namespace) -> None:
    """Raises for a name that means nothing, where images of this tree are there and no older than it."""
    found = names.load(options)
    if found is None:
        return
    if command != "show":
        names.check(command, options, *found)
        return
    from pvtest.cli import show  # pylint: disable=import-outside-toplevel  # it needs packages

    for name in options.names:
        show.describe(name, *found)
