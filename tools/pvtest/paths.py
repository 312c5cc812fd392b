# SPDX-License-Identifier: MIT
"""Paths in the source tree."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Another one for a build with another compiler, and for the made-up images of the runner's own tests.
BUILD = Path(os.environ.get("PVTEST_BUILD", ROOT / "build")).absolute()
KVM_NESTED = Path("/sys/module/kvm_amd/parameters/nested")
GUEST_IMAGE = BUILD / "pvtest.efi"
GUEST_DEBUG = BUILD / "pvtest.debug"
HOST_IMAGE = BUILD / "refhost.efi"
HOST_DEBUG = BUILD / "refhost.debug"
chosen: list[str] = []  # options of ./run.sh that name other images, for the command that shows a result again
REQUIREMENTS = ROOT / "abi" / "requirements.toml"
STATUS_CODES = ROOT / "abi" / "status.h"
RESULTS = BUILD / "results"
DOCS = ROOT / "docs"
SCHEMAS = DOCS
MADE_DOCS = BUILD / "docs"  # what `make docs` writes
BASELINES = ROOT / "tools" / "baselines"
VERSION = ROOT / "VERSION"
SETUP = ROOT / "tools" / "setup.sh"


def use_images(host: Path | None, guest: Path | None) -> None:
    """Takes other images than the ones that were built; each has its debug file beside it. Before anything is read."""
    global GUEST_IMAGE, GUEST_DEBUG, HOST_IMAGE, HOST_DEBUG  # pylint: disable=global-statement
    if host is not None:
        HOST_IMAGE, HOST_DEBUG = host.absolute(), host.absolute().with_suffix(".debug")
        chosen.extend(("--host", str(host)))
    if guest is not None:
        GUEST_IMAGE, GUEST_DEBUG = guest.absolute(), guest.absolute().with_suffix(".debug")
        chosen.extend(("--guest", str(guest)))


def shown(where: Path) -> Path:
    """The short form of a path, where it has one."""
    here = Path.cwd()
    return where.absolute().relative_to(here) if where.absolute().is_relative_to(here) else where
