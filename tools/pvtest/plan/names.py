# SPDX-License-Identifier: MIT
"""Names of tests, defects and variants on a command line, looked up before set-up and build where that can be done.

They are in the images. Images that are older than a source which declares names may lack a new one, so that only the
build tells; the same goes for images that are not there.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from pvtest import paths
from pvtest.images import catalogue, requirements
from pvtest.images.catalogue import Catalogue, HostCatalogue
from pvtest.images.pe import ImageError
from pvtest.images.requirements import Requirements
from pvtest.plan.ordering import filters
from pvtest.plan.selection import find_switches, select, select_switches

# Files that declare names, below the root of the tree.
_DECLARING = ("tests/**/*.[ch]", "host/defects/*.def", "host/variants/*.def", "abi/requirements.toml", "Makefile")


def _sources() -> Iterator[Path]:
    for pattern in _DECLARING:
        yield from paths.ROOT.glob(pattern)


def _current(host: Path | None, guest: Path | None) -> bool:
    """Do the images tell all names? Those of the user are what they are; the others must be as new as the sources."""
    built = [] if guest else [paths.GUEST_IMAGE, paths.GUEST_DEBUG]
    built += [] if host else [paths.HOST_IMAGE]
    if not all(image.is_file() for image in built):
        return False
    oldest = min((image.stat().st_mtime_ns for image in built), default=None)
    return oldest is None or all(source.stat().st_mtime_ns <= oldest for source in _sources())


def load(options: argparse.Namespace) -> tuple[Catalogue, Requirements, HostCatalogue] | None:
    """All names, or None where only the build can tell them."""
    try:
        if _current(getattr(options, "host", None), getattr(options, "guest", None)):
            return catalogue.load_tests(), requirements.load(), catalogue.load_host()
    except (ImageError, OSError):  # the build makes other ones
        pass
    return None


def check(
    command: str, options: argparse.Namespace, tests: Catalogue, needs: Requirements, host: HostCatalogue
) -> None:
    """Raises UsageError for a name or GLOB that means nothing."""
    find_switches("defect", host.defects, getattr(options, "defect", ()))
    find_switches("variant", host.variants, getattr(options, "variant", ()))
    globs: list[str] = getattr(options, "globs", [])
    if command == "list" and globs[:1] in (["defects"], ["variants"]) and not options.json:
        command, globs = globs[0], globs[1:]
    if command == "defects":
        select_switches("defect", host.defects, globs, needs)
    elif command == "variants":
        select_switches("variant", host.variants, globs, needs)
    elif command in ("run", "list", "image"):
        select(tests, needs, globs, filters(options))
