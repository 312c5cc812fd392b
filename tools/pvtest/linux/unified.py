# SPDX-License-Identifier: MIT
"""One EFI program of a kernel, an initial file system and a command line: the host starts it in place of the suite."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from pathlib import Path

from pvtest import programs
from pvtest.errors import RunnerError

SECONDS = 60.0
# Addresses at which systemd's stub has room for its sections (image base is 0).
_PLACES = {".osrel": 0x20000, ".cmdline": 0x30000, ".linux": 0x2000000, ".initrd": 0x6000000}
_FOLDER, _FILE = 0o040755, 0o100755
_END = "TRAILER!!!"


def _entry(number: int, name: str, mode: int, data: bytes) -> bytes:
    """An entry of the "newc" format of cpio: thirteen numbers of eight hexadecimal digits, the name, the data."""
    fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
    head = b"070701" + "".join(f"{field:08X}" for field in fields).encode("ascii") + name.encode("ascii") + b"\0"
    return head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4)


def initrd(files: Mapping[str, bytes]) -> bytes:
    """An initial file system with these files, which may all be run, and their folders."""
    folders = sorted({str(parent) for name in files for parent in Path(name).parents} - {"."})
    entries = [(name, _FOLDER, b"") for name in folders] + [(name, _FILE, data) for name, data in sorted(files.items())]
    out = b"".join(_entry(number, *entry) for number, entry in enumerate(entries, 1))
    return gzip.compress(out + _entry(0, _END, 0, b""), compresslevel=1, mtime=0)


def make(folder: Path, stub: Path, kernel: Path, initial: Path, command_line: str) -> bytes:
    """The program; works in `folder`."""
    if kernel.stat().st_size > _PLACES[".initrd"] - _PLACES[".linux"]:
        raise RunnerError(f"{kernel}: a kernel of more than 64 MiB does not fit")
    (folder / "osrel").write_text("ID=linux\n", encoding="ascii")
    (folder / "cmdline").write_text(command_line, encoding="ascii")
    files = {".osrel": folder / "osrel", ".cmdline": folder / "cmdline", ".linux": kernel, ".initrd": initial}
    words = ["objcopy"]
    for name, path in files.items():
        words += ["--add-section", f"{name}={path}", "--change-section-vma", f"{name}={_PLACES[name]:#x}"]
    code, said = programs.call("objcopy", [*words, str(stub), str(folder / "linux.efi")], SECONDS)
    if code != 0:
        raise RunnerError(f"objcopy cannot join kernel and initial file system: {said.strip()[:200]}")
    return (folder / "linux.efi").read_bytes()
