# SPDX-License-Identifier: MIT
"""Boot disks: GPT, one EFI system partition with FAT32, in the format that a virtual machine wants.

sfdisk writes the table, mtools the file system, qemu-img the format; none of them needs root or a mount. Identifiers
and times are fixed, so that the same contents give the same raw disk, byte for byte.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from pvtest import new_file as outputs
from pvtest import programs
from pvtest.errors import MissingError, RunnerError, UsageError

# Format of qemu-img and how files of it are called; the first name is the usual one.
FORMATS = {"raw": (".img", ".raw"), "qcow2": (".qcow2",), "vhdx": (".vhdx",)}
# FAT32 has at least 65525 clusters, here of one sector; below that, firmware and host would take it for FAT16.
SIZE_MIB = (40, 2048)
DEFAULT_MIB = 64

SECTOR = 512
MIB = 1 << 20
FIRST_SECTOR = MIB // SECTOR  # of the partition
BEHIND = MIB  # bytes for the table's copy at the end; Hyper-V wants disks of whole MiB
DISK_ID = "7B1E6C52-3D3E-4C0B-9D0C-6F1E20A7C001"
PARTITION_ID = "7B1E6C52-3D3E-4C0B-9D0C-6F1E20A7C002"
EFI_SYSTEM = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"  # type of an EFI system partition, UEFI 2.10 section 5.3.3
SERIAL = "7B1E6C52"
LABEL = "PVTEST"
TIMESTAMP = "1577836800"  # of every file; 2020, because FAT knows no time before 1980

TOOLS = {"sfdisk": "fdisk", "mformat": "mtools", "mmd": "mtools", "mcopy": "mtools", "qemu-img": "qemu-utils"}
_SBIN = ("/usr/sbin", "/sbin")  # not on the PATH of users, but sfdisk on a file needs no rights
_TOOL_SECONDS = 120
_RAW = "disk.img"


def format_of(output: Path | None, wanted: str | None, default: str) -> str:
    """The format by `--format` and the name of the file; raises UsageError if they disagree."""
    if output is None:
        return wanted or default
    by_name = next((name for name, suffixes in FORMATS.items() if output.suffix.lower() in suffixes), None)
    if by_name is None and wanted is None:
        known = ", ".join(suffix for suffixes in FORMATS.values() for suffix in suffixes)
        raise UsageError(f"{output}: this name does not tell a format; it ends in {known}, or --format tells it")
    if by_name and wanted and by_name != wanted:
        raise UsageError(f"{output}: the name says {by_name}, but --format says {wanted}")
    return wanted or by_name or default


def _find(tool: str) -> str:
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *_SBIN))
    found = shutil.which(tool, path=path)
    if found is None:
        raise MissingError(f"{tool} not found (package {TOOLS[tool]})")
    return found


def check_tools(form: str) -> None:
    """Raises MissingError before any work is done."""
    for tool in TOOLS:
        if tool != "qemu-img" or form != "raw":
            _find(tool)


def _call(folder: Path, *command: str, text: str = "") -> None:
    """Files are named relative to `folder`: mtools reads more than a name into a ';' or '@@' of a path."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": TIMESTAMP, "TZ": "UTC", "LC_ALL": "C", "MTOOLSRC": os.devnull}
    name = command[0]
    code, output = programs.call(name, [_find(name), *command[1:]], _TOOL_SECONDS, text, environment, folder)
    if code != 0:
        raise RunnerError(f"{name} failed: {output.strip()[-500:] or f'exit code {code}'}")


def _table(sectors: int) -> str:
    return (
        f"label: gpt\nlabel-id: {DISK_ID}\nunit: sectors\nsector-size: {SECTOR}\n"
        f'start={FIRST_SECTOR}, size={sectors}, type={EFI_SYSTEM}, uuid={PARTITION_ID}, name="{LABEL}"\n'
    )


def _folders(names: Mapping[str, bytes]) -> list[str]:
    """Every folder above the files, outer ones first."""
    found = {str(parent) for name in names for parent in Path(name).parents if str(parent) != "."}
    return sorted(found)


def _raw(files: Mapping[str, bytes], size_mib: int, scratch: Path) -> None:
    with (scratch / _RAW).open("wb") as file:
        file.truncate(size_mib * MIB)
    sectors = (size_mib * MIB - BEHIND) // SECTOR - FIRST_SECTOR
    _call(scratch, "sfdisk", "--quiet", _RAW, text=_table(sectors))
    place = f"{_RAW}@@{FIRST_SECTOR * SECTOR}"
    # Heads and sectors per track mean nothing to firmware today, but mformat wants to be told.
    geometry = ("-h", "64", "-s", "32", "-H", str(FIRST_SECTOR))
    about = ("-T", str(sectors), *geometry, "-N", SERIAL, "-v", LABEL)
    _call(scratch, "mformat", "-i", place, "-F", "-c", "1", *about, "::")
    for folder in _folders(files):
        _call(scratch, "mmd", "-i", place, f"::/{folder}")
    for name in sorted(files):
        (scratch / "file").write_bytes(files[name])
        _call(scratch, "mcopy", "-i", place, "file", f"::/{name}")


def _check_space(files: Mapping[str, bytes], size_mib: int) -> None:
    needed = sum(len(content) for content in files.values()) // MIB + 4  # the table, two FATs, room for results
    if needed > size_mib:
        raise UsageError(f"--size {size_mib}: the files alone need {needed} MiB")


def write(output: Path, form: str, files: Mapping[str, bytes], size_mib: int, overwrite: bool) -> None:
    """A disk with these files (names relative to its root, with '/'). An older one stays until this one is complete."""
    outputs.check(output, overwrite)
    _check_space(files, size_mib)
    check_tools(form)
    with outputs.scratch(output) as scratch:
        disk = scratch / _RAW
        _raw(files, size_mib, scratch)
        if form != "raw":
            # Hyper-V takes dynamic and fixed disks; a dynamic one is as small as its contents.
            more = ("-o", "subformat=dynamic,block_size=1M") if form == "vhdx" else ()
            disk = scratch / f"disk.{form}"
            _call(scratch, "qemu-img", "convert", "-f", "raw", "-O", form, *more, _RAW, disk.name)
        outputs.publish(disk, output)
