# SPDX-License-Identifier: MIT
"""An unattended machine: a disk and variables that survive its resets, and a power supply that can be cut."""

from __future__ import annotations

import enum
import shutil
import struct
import subprocess
import time
from pathlib import Path

from conftest import quick_firmware
from pvtest import paths
from pvtest.machine import qemu

# OVMF's variable store (UEFI PI 1.7, volume 3; EDK II, VariableFormat.h): headers of volume and store, then variables.
STORE_SIZE_AT, STORE_FIRST = 0x58, 0x64
VARIABLE = struct.Struct("<HBBIQ16sIII16s")  # start, state, reserved, attributes, count, time, key, name, data, vendor
IN_USE, NON_VOLATILE = (0x55AA, 0x3F, 0), 7
SECONDS = 240.0  # for all boots of a run together; idle each takes three
DISK_BYTES = 48 << 20


class Variables(enum.Enum):
    """How long the firmware keeps its variables."""

    FILE = enum.auto()  # for good
    PROCESS = enum.auto()  # until QEMU ends: they survive resets
    NONE = enum.auto()  # in memory


class Machine:
    """QEMU with a disk image. Its resets lead through the firmware, and it ends when it is switched off.

    `kept` says how long its variables last. Those that do not survive the process are not written to a file: a firmware
    that tidies up a full store writes 128 KiB byte by byte, for each of which QEMU would write a sector. A machine
    without flash for them starts quickest.
    """

    def __init__(self, folder: Path, host: bool = True, kept: Variables = Variables.FILE):
        self.folder, self.host, self.kept = folder, host, kept
        self.qemu = qemu.probe(None, functions_alone=True)
        self.disk, self.variables = folder / "disk.img", folder / "variables.fd"
        self.serial = folder / "serial.log"
        shutil.copyfile(self.qemu.variables, self.variables)
        with self.disk.open("wb") as file:
            file.truncate(DISK_BYTES)
        self._mtools("mformat", "-F", "::")
        self._mtools("mmd", "::/EFI", "::/EFI/BOOT")
        self.copy_in(paths.HOST_IMAGE if host else paths.GUEST_IMAGE, "EFI/BOOT/BOOTX64.EFI")
        self.copy_in(paths.GUEST_IMAGE, "pvtest.efi")
        self.text_in("log=1\n", "refhost.opt")

    def _mtools(self, tool: str, *arguments: str) -> str:
        command = [tool, "-i", str(self.disk), *arguments]
        return subprocess.run(command, check=True, timeout=20, capture_output=True, encoding="utf-8").stdout

    def copy_in(self, source: Path, name: str) -> None:
        self._mtools("mcopy", "-D", "o", str(source), f"::/{name}")

    def text_in(self, text: str, name: str) -> None:
        self.bytes_in(text.encode("ascii"), name)

    def bytes_in(self, content: bytes, name: str) -> None:
        (self.folder / "content").write_bytes(content)
        self.copy_in(self.folder / "content", name)

    def file(self, name: str) -> str:
        return self._mtools("mtype", f"::/{name}")

    def options(self, *lines: str) -> None:
        self.text_in("\n".join(("unattended=1", *lines)) + "\n", "pvtest.opt")

    def read(self, name: str, run: int = 1) -> str:
        return self._mtools("mtype", f"::/pvtest-results/run-{run:04}/{name}")

    def old_run(self, number: int) -> None:
        """The folder of a finished run, with all that it leaves."""
        folder = f"pvtest-results/run-{number:04}"
        if number == 1:
            self._mtools("mmd", "::/pvtest-results")
        self._mtools("mmd", f"::/{folder}")
        for name in ("results.tap", "summary.txt", "verdict.txt"):
            self.text_in("of an old run\n", f"{folder}/{name}")

    def old_error(self) -> None:
        """The file of a boot that ended before its first result."""
        if "pvtest-results" not in self._mtools("mdir", "-b", "::/"):
            self._mtools("mmd", "::/pvtest-results")
        self.text_in("of an old boot\n", "pvtest-results/error.txt")

    def runs(self) -> list[str]:
        names = self._mtools("mdir", "-b", "::/pvtest-results").split()
        return sorted(name.rstrip("/").rpartition("/")[2] for name in names)

    def fill_variables(self, leave: int) -> None:
        """One more variable, so large that the store has only so many bytes left for firmware and suite."""
        image = bytearray(self.variables.read_bytes())
        (size,) = struct.unpack_from("<I", image, STORE_SIZE_AT)
        assert image[STORE_FIRST : STORE_FIRST + 64] == b"\xff" * 64, "this store is not empty"
        name = "Ballast\0".encode("utf-16-le")
        data = bytes(size - STORE_FIRST - VARIABLE.size - len(name) - leave & ~3)
        header = VARIABLE.pack(*IN_USE, NON_VOLATILE, 0, bytes(16), 0, len(name), len(data), b"a test's ballast")
        whole = header + name + data
        image[STORE_FIRST : STORE_FIRST + len(whole)] = whole
        self.variables.write_bytes(image)

    def _flash(self) -> list[str]:
        """The device of the variables."""
        if self.kept is Variables.NONE:
            return []
        if self.kept is Variables.FILE:
            return ["-drive", f"if=pflash,format=raw,unit=1,file={self.variables}"]
        # QEMU reads a flash once, and writes to it for the next process alone. A qcow2 whose data are nowhere.
        layer, size = self.folder / "variables.qcow2", self.variables.stat().st_size
        command = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(self.variables), "-F", "raw"]
        nowhere = f"data_file={self.folder / 'nowhere'}"
        subprocess.run([*command, "-o", nowhere, str(layer), str(size)], check=True, timeout=20)
        return [
            *("-blockdev", f"driver=null-co,node-name=nowhere,size={size},read-zeroes=on"),
            *("-blockdev", f"driver=qcow2,node-name=flash,file.driver=file,file.filename={layer},data-file=nowhere"),
            *("-machine", "pflash1=flash"),
        ]

    def _command(self) -> list[str]:
        return [
            self.qemu.path,
            *("-machine", "q35,accel=tcg,smm=off,sata=off", "-cpu", "qemu64,+svm,+npt,+pdpe1gb", "-m", "1536"),
            *("-nodefaults", "-display", "none", "-monitor", "none", "-net", "none"),
            *("-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={self.qemu.code}"),
            *self._flash(),
            *("-drive", f"if=none,id=boot,format=raw,file={self.disk}"),
            *("-device", "virtio-blk-pci,drive=boot,bootindex=0"),
            *("-serial", f"file:{self.serial}"),
        ]

    def console(self) -> str:
        return self.serial.read_text(encoding="utf-8", errors="replace") if self.serial.exists() else ""

    def run(self, pull_plug_at: str = "", code: int | None = 0) -> bool:
        """Until the machine is off, or shortly after that text came; True = it went off by itself.

        `code` is the exit code that QEMU must have; None: any.
        """
        self.serial.unlink(missing_ok=True)
        with quick_firmware(self._command()) as (words, inherited), subprocess.Popen(
            words, stdin=subprocess.DEVNULL, pass_fds=inherited
        ) as process:
            try:
                end = time.monotonic() + SECONDS
                while time.monotonic() < end:
                    if process.poll() is not None:
                        assert code is None or process.returncode == code, self.console()
                        return True
                    if pull_plug_at and pull_plug_at in self.console():
                        time.sleep(0.2)
                        return False
                    time.sleep(0.1)
                raise AssertionError(f"not off after {SECONDS:.0f} s:\n{self.console()[-2000:]}")
            finally:
                if process.poll() is None:
                    process.kill()
