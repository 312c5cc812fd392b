# SPDX-License-Identifier: MIT
"""Checks of a command line that need no image: run.sh asks for them before it sets up and builds.

Names of tests, defects and variants are in the images, and are looked up when those are built.
"""

from __future__ import annotations

import argparse

from pvtest.errors import UsageError
from pvtest.gate.inputs import load_gate
from pvtest.images import requirements
from pvtest.plan import combinations
from pvtest.plan.selection import check_filters

ALONE = "--check-usage"  # the first word of a command line that is to be checked alone


def check(options: argparse.Namespace) -> None:
    """Raises what a person has to change; options that a command does not have are fine."""
    if hasattr(options, "machine"):
        combinations.check(options)
    if getattr(options, "calls_from", 1) > getattr(options, "cpus", 1):
        raise UsageError(f"--calls-from {options.calls_from}: the machine has {options.cpus} processors (--cpus)")
    known = requirements.load()
    if hasattr(options, "device_class"):
        check_filters(options.requirement, options.device_class, options.level, options.kind, known)
    if hasattr(options, "profile"):
        load_gate(options, known)
