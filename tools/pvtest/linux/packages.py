# SPDX-License-Identifier: MIT
"""The distribution's packages from which a Linux guest is put together: fetched by apt-get and unpacked, not installed.

Installing a kernel would change how the build machine itself boots.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pvtest import programs
from pvtest.errors import MissingError

KERNEL = "linux-image-cloud-amd64"  # depends on the one with the version in its name
OTHERS = ("busybox-static", "systemd-boot-efi")
MODULES = ("hv_vmbus", "pci-hyperv-intf", "pci-hyperv")  # in the order in which they are loaded
SECONDS = 300.0
_DONE = "fetched"


@dataclass(frozen=True)
class Pieces:
    """Files of the packages."""

    kernel: Path
    modules: tuple[Path, ...]
    busybox: Path
    stub: Path  # systemd's, which starts the kernel that it holds


def _one(root: Path, pattern: str) -> Path:
    found = sorted(root.glob(pattern))
    if not found:
        raise MissingError(f"{root} has no {pattern}; remove the folder, and it is fetched again")
    return found[0]


def pieces(folder: Path) -> Pieces:
    """Those of packages that were unpacked into `folder`."""
    return Pieces(
        _one(folder, "boot/vmlinuz-*"),
        tuple(_one(folder, f"lib/modules/*/kernel/**/{name}.ko") for name in MODULES),
        _one(folder, "bin/busybox"),
        _one(folder, "usr/lib/systemd/boot/efi/linuxx64.efi.stub"),
    )


def kernel_package(answer: str) -> str:
    """The package with a kernel, of what apt-cache says of the one that depends on it."""
    match = re.search(r"^\s*Depends: (linux-image-\S+)$", answer, re.MULTILINE)
    if match is None:
        raise MissingError(f"the package sources have no {KERNEL}; --kernel FILE takes another kernel")
    return match[1]


def _fetch(folder: Path) -> None:
    for program in ("apt-get", "apt-cache", "dpkg-deb"):
        if shutil.which(program) is None:
            raise MissingError(f"packages of Debian are fetched by {program}, which is not here")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _, answer = programs.call("apt-cache", ["apt-cache", "depends", KERNEL], SECONDS)
    names = [kernel_package(answer), *OTHERS]
    code, said = programs.call("apt-get", ["apt-get", "-q", "download", *names], SECONDS, folder=folder)
    if code != 0:
        reason = said.strip().splitlines()[-1][:200] if said.strip() else f"exit code {code}"
        raise MissingError(f"apt-get download {' '.join(names)}: {reason}")
    for package in sorted(folder.glob("*.deb")):
        code, said = programs.call("dpkg-deb", ["dpkg-deb", "-x", str(package), str(folder)], SECONDS)
        if code != 0:
            raise MissingError(f"{package}: {said.strip()[:200]}")
        package.unlink()
    (folder / _DONE).touch()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Of several runs in one tree one fetches, and the others wait. The lock ends with its process."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def get(folder: Path, no_setup: bool) -> Pieces:
    """Fetches them once into `folder`."""
    if no_setup or os.environ.get("PVTEST_NO_SETUP") == "1":
        if not (folder / _DONE).exists():
            raise MissingError(f"packages of a Linux guest: {KERNEL}, {', '.join(OTHERS)} are not in {folder}")
        return pieces(folder)
    with _alone(folder):
        if not (folder / _DONE).exists():
            _fetch(folder)
    return pieces(folder)
