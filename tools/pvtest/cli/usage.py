# SPDX-License-Identifier: MIT
"""Checks of a command line that boot nothing: run.sh asks for them before it sets up and builds."""

from __future__ import annotations

import argparse

from pvtest.errors import UsageError
from pvtest.gate.inputs import load_gate
from pvtest.images import requirements
from pvtest.plan import combinations, names
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
    if hasattr(options, "profile"):
        load_gate(options, known, getattr(options, "iommu", None))


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
