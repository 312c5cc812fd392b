# SPDX-License-Identifier: MIT
"""The folder that QEMU shows to the firmware as a FAT disk: both images and their options."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from pvtest import paths
from pvtest.catalogue import CLASSES, Catalogue, Instance
from pvtest.errors import RunnerError

GUEST_OPTIONS_MAX = 131072  # bytes, BOOT_OPTIONS_MAX of kernel/boot_info.h


@dataclass
class BootOptions:
    """What guest and host are told."""

    seed: int = 1
    repeat: int = 1
    deadline_ms: int | None = None
    verbose: int = 0
    host_log: int = 1
    bench: bool = False
    fixture: str | None = None
    given_order: bool = False  # run in the order of `tests`
    tests: list[str] = field(default_factory=list)  # empty = all
    without: list[str] = field(default_factory=list)  # globs of what is left out of them
    defects: list[str] = field(default_factory=list)
    variants: list[str] = field(default_factory=list)
    host: list[str] = field(default_factory=list)  # further lines for the host

    def guest_text(self) -> str:
        """\\pvtest.opt"""
        lines = [f"seed={self.seed}"]
        lines += [f"test={name}" for name in self.tests] + [f"without={glob}" for glob in self.without]
        for key in ("repeat", "verbose"):
            if getattr(self, key) != {"repeat": 1, "verbose": 0}[key]:
                lines.append(f"{key}={getattr(self, key)}")
        if self.deadline_ms is not None:
            lines.append(f"deadline_ms={self.deadline_ms}")
        if self.bench:
            lines.append("bench=1")
        if self.given_order:
            lines.append("order=given")
        if self.fixture:
            lines.append(f"fixture={self.fixture}")
        return "\n".join(lines) + "\n"

    def host_text(self) -> str:
        """\\refhost.opt"""
        lines = [f"defect={name}" for name in self.defects] + [f"variant={name}" for name in self.variants] + self.host
        lines.append(f"log={self.host_log}")
        return "\n".join(lines) + "\n"


@dataclass
class Selected:
    """A selection in the words of the guest: values of test= and of without=."""

    tests: list[str]
    without: list[str]


def selection(catalogue: Catalogue, selected: list[Instance], in_this_order: bool = False) -> Selected:
    """The shortest words: nothing for all, a glob for a class that is left out or alone, the base id where all its
    instances run. An order takes every id."""
    if in_this_order:
        return Selected([instance.id for instance in selected], [])
    chosen = {instance.id for instance in selected}
    present = {instance.device for instance in selected}
    absent = [name for name in CLASSES if name not in present]
    known = [instance for instance in catalogue.instances if instance.device not in absent]
    if len(known) == len(selected):
        without = [name for name in absent if any(instance.device == name for instance in catalogue.instances)]
        return Selected([], [f"*@{name}" for name in without])
    of_class = [instance for instance in known if instance.device is not None]
    if None not in present and len(of_class) == len(selected):
        return Selected([f"*@{name}" for name in CLASSES if name in present], [])
    names = []
    for instance in selected:
        whole = all(other.id in chosen for other in instance.test.instances)
        names.append(instance.test.id if whole else instance.id)
    return Selected(list(dict.fromkeys(names)), [])


def check_guest_text(text: str) -> str:
    """The text itself; raises RunnerError where the guest would refuse it."""
    if len(text) >= GUEST_OPTIONS_MAX:
        raise RunnerError(f"the selection needs {len(text)} bytes of options; the guest takes {GUEST_OPTIONS_MAX}")
    return text


def make(folder: Path, options: BootOptions, host: bool = True) -> Path:
    """Fills `folder`; the firmware starts the reference host, which starts the suite, or the suite itself."""
    guest = check_guest_text(options.guest_text())
    boot = folder / "EFI" / "BOOT"
    boot.mkdir(parents=True)
    try:
        shutil.copyfile(paths.HOST_IMAGE if host else paths.GUEST_IMAGE, boot / "BOOTX64.EFI")
        if host:
            shutil.copyfile(paths.GUEST_IMAGE, folder / "pvtest.efi")
    except OSError as error:
        raise RunnerError(f"{error.filename}: {error.strerror}; build the images with: make image") from None
    (folder / "pvtest.opt").write_text(guest, encoding="ascii")
    if host:
        (folder / "refhost.opt").write_text(options.host_text(), encoding="ascii")
    return folder
