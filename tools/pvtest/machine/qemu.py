# SPDX-License-Identifier: MIT
"""Finds QEMU and a firmware, and asks QEMU what it can do instead of assuming it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pvtest import paths, programs
from pvtest.errors import MissingError, RunnerError, UsageError, suggest
from pvtest.machine import firmware_words, tpm
from pvtest.plan.devices import FUNCTION_COUNTS, OPTION, UNITS, Devices

DEFAULT = "qemu-system-x86_64"
PROBE_SECONDS = 20
# Both processors take turns on one thread, at every PAUSE and HLT. On two threads of their own, two boots of 900 ended
# with the host's registers in the guest's state, saved there by the emulator at a #VMEXIT. Two runs side by side also
# fit on two cores this way.
ONE_THREAD = "tcg,thread=single"
# A clock that counts instructions, and jumps to the next timer when both processors halt: a tenth of a second of a
# device costs a millisecond. Each instruction takes 2^7 ns there, so that a processor that cannot halt loses little.
VIRTUAL_CLOCK = "shift=7,sleep=off"
SLOW_DEVICES = 3  # on a machine with that clock; one on others, where getting each ready takes half a second
# Without it DMA of a virtio device passes VT-d by, and reaches the reference host.
BEHIND_IOMMU = ",disable-legacy=on,iommu_platform=on"
NEEDED_DEVICES = ("isa-debug-exit", "virtio-blk-pci")
ROCKER_DEVICES = 3
NVME_DEVICES = 3  # controllers, each with a disk of its own
NVME_SLOT = 0x18  # device number of the first one; no other device of a machine is there
NVME_BYTES = 65536  # of such a disk, whose blocks the suite may all write to
DMA_DEVICES = ("rocker", "edu", "nvme")  # behind VT-d
NEEDED_FLAGS = ("svm", "npt")  # of the emulated processor
# Pages of 1 GiB are for the firmware, which maps the whole address space and takes 0.4 s for it with smaller ones.
FLAGS = "+svm,+npt,+x2apic,+pdpe1gb"
# QEMU 10 was the first whose VT-d walks first-stage tables. From QEMU 11 on the properties have other names; the old
# ones are refused.
IOMMU_SPELLINGS = (("x-scalable-mode", "x-flts"), ("scalable-mode", "fsts"))
# A bundle brings its own.
BUNDLED_FIRMWARE = (str(paths.ROOT / "firmware" / "OVMF_CODE.fd"), str(paths.ROOT / "firmware" / "OVMF_VARS.fd"))
# Code and variables of OVMF where distributions put them. The small build without Secure Boot boots quickest.
FIRMWARE = (
    BUNDLED_FIRMWARE,
    ("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
    ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
    ("/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"),
    ("/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd"),
    ("/usr/share/edk2/x64/OVMF_CODE.fd", "/usr/share/edk2/x64/OVMF_VARS.fd"),
    ("/usr/share/edk2-ovmf/x64/OVMF_CODE.fd", "/usr/share/edk2-ovmf/x64/OVMF_VARS.fd"),
    ("/usr/share/qemu/edk2-x86_64-code.fd", "/usr/share/qemu/edk2-i386-vars.fd"),
)


@dataclass(frozen=True)
class Hardware:
    """The properties of the machine that options vary."""

    cpus: int = 2
    memory_mib: int = 4352
    cpu: str = "qemu64"  # QEMU's -cpu; without options of its own it gets those that the reference host needs
    firmware: str = ""  # empty = the one that is found

    @property
    def processor(self) -> str:
        """The value of -cpu."""
        return self.cpu if "," in self.cpu else f"{self.cpu},{FLAGS}"

    @property
    def options(self) -> list[str]:
        """Those of ./run.sh that make the same machine again."""
        usual = Hardware()
        pairs = (("--cpus", "cpus"), ("--memory", "memory_mib"), ("--cpu", "cpu"), ("--firmware", "firmware"))
        given = [(option, name) for option, name in pairs if getattr(self, name) != getattr(usual, name)]
        return [word for option, name in given for word in (option, str(getattr(self, name)))]


@dataclass(frozen=True)
class Qemu:
    """A QEMU that can run the suite."""

    path: str
    version: str
    iommu: str  # value of -device for the VT-d unit; empty = none
    code: str
    variables: str
    devices: Devices = field(default_factory=Devices)
    hardware: Hardware = Hardware()
    tpm: bool = False  # can have one that another process emulates

    def description(self, accel: str) -> dict[str, Any]:
        """For results.json."""
        return {
            "accel": accel,
            "cpus": self.hardware.cpus,
            "memory_mib": self.hardware.memory_mib,
            "cpu": self.hardware.processor,
            "iommu": self.iommu,
            "device_classes": list(self.devices.classes),
            "functions_alone": self.devices.alone,
            "reason": self.devices.why,
            **({"reference_host": False} if self.devices.hostless else {}),
            **({"unit": self.devices.unit} if self.devices.unit else {}),
        }


def _ask(path: str, *arguments: str) -> str:
    _, answer = programs.call(" ".join((path, *arguments)), [path, *arguments], PROBE_SECONDS)
    return answer


def _find(path: str | None) -> str:
    wanted = path or DEFAULT
    found = shutil.which(wanted)
    if found is None:
        hint = "" if path or not paths.SETUP.exists() else " tools/setup.sh installs it where it can."
        raise MissingError(f"QEMU not found: {wanted} is not an executable file.{hint}")
    return found


def _version(path: str) -> str:
    answer = _ask(path, "--version")
    match = re.search(r"version (\d+)\.(\d+)\.(\d+)", answer)
    if not match:
        raise MissingError(f"{path} does not tell a QEMU version; it answers {answer.strip()[:80]!r}")
    return ".".join(match.groups())


def check_accelerator(path: str, name: str, hostless: bool) -> None:
    """Every QEMU that gets as far as this has tcg. KVM has to lend the reference host its SVM, if that is to run."""
    if name == "tcg":
        return
    known = _ask(path, "-accel", "help").split(":", 1)[-1].split()
    if name not in known:
        raise UsageError(f"unknown accelerator '{name}'.{suggest(name, known)} {path} has {', '.join(known)}")
    if name == "kvm" and not hostless and not _nested_svm():
        raise RunnerError(
            "--accel kvm: the reference host needs SVM of its own: a processor of AMD, and kvm_amd with nested=1."
            " Leave --accel out to emulate it"
        )


def _nested_svm() -> bool:
    """May a guest of this machine's KVM be a hypervisor with SVM?"""
    try:
        return paths.KVM_NESTED.read_text(encoding="ascii").strip() in ("1", "Y")
    except OSError:
        return False


def _iommu(path: str) -> str:
    """Empty where there is no VT-d, or one without a first stage under any name that this runner knows."""
    known = set(re.findall(r"^\s+([\w-]+)=", _ask(path, "-device", "intel-iommu,help"), re.MULTILINE))
    for scalable, first_stage in IOMMU_SPELLINGS:
        if scalable in known and first_stage in known:
            return f"intel-iommu,{scalable}=on,{first_stage}=on"
    return ""


def firmware() -> tuple[str, str]:
    """Code and variables of the OVMF to boot with."""
    for code, variables in FIRMWARE:
        if Path(code).is_file() and Path(variables).is_file():
            return code, variables
    places = ", ".join(code for code, _ in FIRMWARE[1:])
    raise MissingError(f"no OVMF firmware found (package ovmf or edk2-ovmf); looked for {places}")


def _given(code: str) -> tuple[str, str]:
    """Of --firmware. Its variables stay in memory, so that it needs no file for them."""
    if not Path(code).is_file():
        raise UsageError(f"--firmware {code}: no such file")
    descriptor = firmware_words.needs_smm(code)
    if descriptor:
        raise UsageError(
            f"--firmware {code}: needs System Management Mode (says {descriptor}), which this machine does not have and"
            " the reference host cannot serve; take a build without SMM, such as OVMF_CODE_4M.fd"
        )
    return str(Path(code).absolute()), ""


def _processor(path: str) -> None:
    known = set(_ask(path, "-cpu", "help").split())
    missing = [name for name in NEEDED_FLAGS if name not in known]
    if missing:
        raise MissingError(f"{path} emulates no processor with {' and '.join(missing)}, which the reference host needs")


def _lacking(version: str, iommu: str, known: set[str]) -> str:
    """Why there cannot be any device behind VT-d; empty = there can."""
    if not iommu:
        return f"QEMU {version} has no first-stage VT-d"
    missing = [name for name in DMA_DEVICES if name not in known]
    return f"QEMU {version} was built without {' and '.join(missing)}" if missing else ""


def _unit(path: str, version: str, unit: str, known: set[str]) -> str:
    """The value of -device for a unit that the image drives itself."""
    missing = [name for name in (UNITS[unit], *DMA_DEVICES) if name not in known]
    if missing:
        raise MissingError(f"--iommu {unit}: QEMU {version} was built without {' and '.join(missing)}")
    device = _iommu(path) if unit == "vtd" else UNITS[unit]
    if not device:
        raise MissingError(f"--iommu {unit}: QEMU {version} has no first-stage VT-d; QEMU 10 was the first that has")
    return device


def probe(
    path: str | None = None,
    functions_alone: bool = False,
    no_host: bool = False,
    hardware: Hardware = Hardware(),
    unit: str = "",
) -> Qemu:  # pylint: disable=too-many-arguments,too-many-positional-arguments
    """Checks version, processor and devices; raises MissingError when this QEMU cannot do."""
    found = _find(path)
    version = _version(found)
    if not no_host and not unit:
        _processor(found)
    known = set(re.findall(r'^name "([^"]+)"', _ask(found, "-device", "help"), re.MULTILINE))
    missing = [name for name in NEEDED_DEVICES if name not in known]
    if missing:
        raise MissingError(f"{found} was built without the devices {', '.join(missing)}")
    code, variables = _given(hardware.firmware) if hardware.firmware else firmware()
    external_tpm = tpm.DEVICE in known and tpm.BACKEND in _ask(found, "-tpmdev", "help").split()
    if functions_alone:
        devices = Devices(f"option {OPTION}", forced=True, hostless=no_host)
        return Qemu(found, version, "", code, variables, devices, hardware, external_tpm)
    if unit:
        devices = Devices(hostless=True, unit=unit)
        device = _unit(found, version, unit, known)
        return Qemu(found, version, device, code, variables, devices, hardware, external_tpm)
    iommu = _iommu(found)
    devices = Devices(_lacking(version, iommu, known), hostless=no_host)
    return Qemu(found, version, "" if devices.alone else iommu, code, variables, devices, hardware, external_tpm)


def _slow_devices(virtual_clock: bool) -> int:
    return SLOW_DEVICES if virtual_clock else 1


def device_counts(qemu: Qemu, virtual_clock: bool) -> dict[str, int]:
    """How many devices of each class a guest of the reference host has."""
    counts = {"rocker": ROCKER_DEVICES, "edu": _slow_devices(virtual_clock), **FUNCTION_COUNTS}
    counts |= {} if virtual_clock else {"nvme": NVME_DEVICES}
    return {name: counts[name] for name in qemu.devices.classes if name in counts}


def _dma_devices(qemu: Qemu, slow: int) -> list[str]:
    """intel-iommu comes first: devices that look up their address space when they are made would bypass it."""
    if qemu.devices.alone:
        return []
    return [
        *("-device", qemu.iommu),
        *(word for number in range(ROCKER_DEVICES) for word in ("-device", f"rocker,name=r{number}")),
        *(("-device", "edu,dma_mask=0xffffffffffff") * slow),
    ]


def nvme_disks(qemu: Qemu, folder: Path, virtual_clock: bool = False, size: int = NVME_BYTES) -> list[Path]:
    """Makes the files of the NVMe controllers' disks; none where the machine has no such controller. One with a virtual
    clock has none: the firmware would take 2 s longer for them, and the tests there are those of slow devices."""
    if "nvme" not in qemu.devices.classes or virtual_clock:
        return []
    disks = [folder / f"nvme{number}.raw" for number in range(NVME_DEVICES)]
    for disk in disks:
        with disk.open("wb") as file:
            file.truncate(size)
    return disks


def _nvme_devices(disks: Sequence[Path]) -> list[str]:
    """Their addresses are the same on every machine, and those of other devices what they are without them."""
    words: list[str] = []
    for number, disk in enumerate(disks):
        node = f"nvme{number}"
        words += ["-blockdev", f"driver=raw,node-name={node},file.driver=file,file.filename={escaped(str(disk))}"]
        words += ["-device", f"nvme,serial=pvtest{number},drive={node},addr={NVME_SLOT + number:#x}"]
    return words


def _behind_iommu(qemu: Qemu) -> str:
    """Properties of the boot disk. On a machine without the reference host nothing is to be kept from it."""
    return BEHIND_IOMMU if qemu.iommu.startswith("intel-iommu") and not qemu.devices.hostless else ""


def _boot_disk(volume: Path, disk_format: str) -> str:
    """A folder, which nothing writes to, or a disk of `./run.sh image`."""
    if not disk_format:
        return f"driver=vvfat,node-name=boot,read-only=on,dir={escaped(str(volume))}"
    return f"driver={disk_format},node-name=boot,file.driver=file,file.filename={escaped(str(volume))}"


def command(
    qemu: Qemu,
    accel: str,
    volume: Path,
    host_log: Path,
    disk_format: str = "",
    virtual_clock: bool = False,
    nvme: Sequence[Path] = (),
) -> list[str]:  # pylint: disable=too-many-arguments
    """The command line. The serial port is QEMU's standard output.

    The boot disk is virtio because that needs no AHCI driver in the firmware (0.4 s less). The firmware gets no flash
    for its variables: it keeps them in memory then, which is 0.6 s less.
    """
    return [
        qemu.path,
        *("-machine", "q35,smm=off,sata=off"),
        *("-accel", ONE_THREAD if accel == "tcg" else accel),
        *("-cpu", qemu.hardware.processor),
        *("-smp", str(qemu.hardware.cpus)),
        *("-m", str(qemu.hardware.memory_mib)),
        *("-nodefaults", "-display", "none", "-monitor", "none", "-no-reboot", "-net", "none"),
        *("-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={escaped(qemu.code)}"),
        *(("-icount", VIRTUAL_CLOCK) if virtual_clock else ()),
        *_dma_devices(qemu, _slow_devices(virtual_clock)),
        *("-blockdev", _boot_disk(volume, disk_format)),
        *("-device", f"virtio-blk-pci,drive=boot,bootindex=0{_behind_iommu(qemu)}"),
        *_nvme_devices(nvme),
        *("-device", "isa-debug-exit,iobase=0xf4,iosize=4"),
        *("-chardev", f"file,id=hostlog,path={escaped(str(host_log))}"),
        *("-device", "isa-debugcon,iobase=0xe9,chardev=hostlog"),
        *("-chardev", "stdio,id=serial,signal=off", "-serial", "chardev:serial"),
    ]


def option_file(name: str, path: Path) -> str:
    """The value of -fw_cfg: a file that a program in the machine finds under this name."""
    return f"name={name},file={escaped(str(path))}"


def escaped(path: str) -> str:
    """In QEMU's option syntax a comma is written twice."""
    return path.replace(",", ",,")
