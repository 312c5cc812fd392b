# SPDX-License-Identifier: MIT
"""The folder that QEMU shows to the firmware as a FAT disk: both images and their options."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from pvtest import paths
from pvtest.errors import RunnerError, system_error
from pvtest.images.catalogue import CLASSES, DEFAULT_TIER, Catalogue, Instance, highest_tier
from pvtest.images.guest_options import (
    GUEST_FILE,
    GUEST_OPTIONS_MAX,
    HOST_FILE,
    ORDER_GIVEN,
    GuestKey,
    HostKey,
    line,
    text,
)

PVIOMMU = "pviommu"


@dataclass(frozen=True)
class FaultTurn:
    """A fault of a unit that the image drives itself, and the places of the tests that meet it, in a given order."""

    fault: str
    places: tuple[int, ...]

    @property
    def text(self) -> str:
        """The value of unit-fault=, such as `attach-lost:0-4,7`."""
        ranges: list[list[int]] = []
        for place in self.places:
            if ranges and place == ranges[-1][1] + 1:
                ranges[-1][1] = place
            else:
                ranges.append([place, place])
        return f"{self.fault}:" + ",".join(f"{a}-{b}" if a != b else f"{a}" for a, b in ranges)


@dataclass
class BootOptions:
    """The options of guest and host."""

    seed: int = 1
    repeat: int = 1
    deadline_ms: int | None = None
    answer_ms: int | None = None
    verbose: int = 0
    host_log: int = 1
    bench: bool = False
    fixture: str | None = None
    unattended: bool = False  # no runner listens: keep progress and results, power off
    given_order: bool = False  # run in the order of `tests`
    stop_at_fail: int = 0  # a FAIL among so many instances from the beginning ends the run
    tests: list[str] = field(default_factory=list)  # empty = all
    without: list[str] = field(default_factory=list)  # globs of what is left out of them
    tier: str = DEFAULT_TIER  # of which these are
    defects: list[str] = field(default_factory=list)
    variants: list[str] = field(default_factory=list)
    caching: str = "adversarial"  # policy of the host's software IOMMU
    bus: str = "vpci"  # on which the reference host shows the devices
    machine: str = "q35"  # that the reference host shows
    nvme_scratch: str = ""  # blocks of NVMe namespaces that the suite may write to
    nvme_read: str = ""  # blocks whose data it may see, and does not write to
    calls_from: int = 1  # the processor that makes the hypercalls of a test which does not say
    iommu: str = PVIOMMU  # the unit that the tests drive
    unit_fault: str = ""  # a step that the image leaves out where it drives a unit itself
    fault_turns: list[FaultTurn] = field(default_factory=list)  # several, one after another
    replay: list[str] = field(default_factory=list)  # operations in the place of random ones
    shrink: bool = True  # a failure of random operations becomes that of the fewest of them
    transcript: bool = False  # a test that fails prints its calls and tables
    host_crash: bool = False  # the host breaks on purpose

    def guest_text(self) -> str:
        """\\pvtest.opt"""
        lines = [line(GuestKey.SEED, self.seed)]
        lines += [line(GuestKey.TEST, name) for name in self.tests]
        lines += [line(GuestKey.WITHOUT, glob) for glob in self.without]
        lines += [line(GuestKey.REPLAY, operation) for operation in self.replay]
        lines += [line(GuestKey.UNIT_FAULT, turn.text) for turn in self.fault_turns]
        words: list[tuple[GuestKey, int | str | None]] = [
            (GuestKey.TIER, self.tier if self.tier != DEFAULT_TIER else None),
            (GuestKey.REPEAT, self.repeat if self.repeat != 1 else None),
            (GuestKey.VERBOSE, self.verbose or None),
            (GuestKey.CALLS_FROM, self.calls_from if self.calls_from != 1 else None),
            (GuestKey.DEADLINE_MS, self.deadline_ms),
            (GuestKey.ANSWER_MS, self.answer_ms),
            (GuestKey.BENCH, 1 if self.bench else None),
            (GuestKey.ORDER, ORDER_GIVEN if self.given_order else None),
            (GuestKey.STOP_AT_FAIL, self.stop_at_fail or None),
            (GuestKey.FIXTURE, self.fixture or None),
            (GuestKey.SHRINK, None if self.shrink else 0),
            (GuestKey.TRANSCRIPT, 1 if self.transcript else None),
            (GuestKey.IOMMU, self.iommu if self.iommu != PVIOMMU else None),
            (GuestKey.UNIT_FAULT, self.unit_fault or None),
            (GuestKey.UNATTENDED, 1 if self.unattended else None),
            (GuestKey.NVME_SCRATCH, self.nvme_scratch or None),
            (GuestKey.NVME_READ, self.nvme_read or None),
        ]
        lines += [line(key, value) for key, value in words if value is not None]
        return text(lines)

    def host_text(self) -> str:
        """\\refhost.opt"""
        lines = [line(HostKey.DEFECT, name) for name in self.defects]
        lines += [line(HostKey.VARIANT, name) for name in self.variants]
        lines += [line(HostKey.CACHING, self.caching), line(HostKey.SEED, self.seed), line(HostKey.BUS, self.bus)]
        if self.machine != "q35":
            # The runner listens there; a generation 2 VM has it on request alone.
            lines += [line(HostKey.MACHINE, self.machine), line(HostKey.COM1, 1)]
        if self.bench:
            lines.append(line(HostKey.BENCH, 1))
        if self.host_crash:
            lines.append(line(HostKey.CRASH, 1))
        return text([*lines, line(HostKey.LOG, self.host_log)])


@dataclass
class Selected:
    """A selection in the words of the guest: values of test=, of without= and of tier=."""

    tests: list[str]
    without: list[str]
    tier: str


def selection(catalogue: Catalogue, selected: list[Instance], in_this_order: bool = False) -> Selected:
    """The shortest words: nothing for all, a glob for a class that is left out or alone, the base id where all its
    instances run. An order takes every id."""
    tier = highest_tier(selected)
    if in_this_order:
        return Selected([instance.id for instance in selected], [], tier)
    chosen = {instance.id for instance in selected}
    present = {instance.device for instance in selected}
    absent = [name for name in CLASSES if name not in present]
    known = [instance for instance in catalogue.within(tier) if instance.device not in absent]
    if len(known) == len(selected):
        without = [name for name in absent if _known(catalogue, name)]
        return Selected([], [f"*@{name}" for name in without], tier)
    of_class = [instance for instance in known if instance.device is not None]
    if None not in present and len(of_class) == len(selected):
        return Selected([f"*@{name}" for name in CLASSES if name in present], [], tier)
    names = []
    for instance in selected:
        whole = all(other.id in chosen for other in instance.test.instances if other.within(tier))
        names.append(instance.test.id if whole else instance.id)
    return Selected(list(dict.fromkeys(names)), [], tier)


def own_first(catalogue: Catalogue, selected: list[Instance], first: int) -> Selected:
    """The same for an order in which `first` instances come before the others, which keep the catalogue's order."""
    names = [instance.id for instance in selected[:first]]
    rest = selection(catalogue, selected)
    if all(instance.device is not None for instance in selected) and any("*" in name for name in rest.tests):
        # A line for each class would run class by class.
        absent = [name for name in CLASSES if f"*@{name}" not in rest.tests]
        return Selected([*names, "*@*"], [f"*@{name}" for name in absent if _known(catalogue, name)], rest.tier)
    return Selected([*names, *(rest.tests or ["*"])], rest.without, rest.tier)


def _known(catalogue: Catalogue, device: str) -> bool:
    """Has any instance this class?"""
    return any(instance.device == device for instance in catalogue.instances)


def check_guest_text(options: str) -> str:
    """The text itself; raises RunnerError where the guest would refuse it."""
    if len(options) >= GUEST_OPTIONS_MAX:
        raise RunnerError(f"the selection needs {len(options)} bytes of options; the guest takes {GUEST_OPTIONS_MAX}")
    return options


def make(folder: Path, options: BootOptions, host: bool = True) -> Path:
    """Fills `folder`; the firmware starts the reference host, which starts the suite, or the suite itself."""
    files = {GUEST_FILE: check_guest_text(options.guest_text()).encode("ascii")}
    if host:
        files[HOST_FILE] = options.host_text().encode("ascii")
    return _fill(folder, files, host)


def images(folder: Path) -> Path:
    """The same without options, for a machine that gets them otherwise."""
    return _fill(folder, {}, True)


def _fill(folder: Path, files: dict[str, bytes], host: bool) -> Path:
    files["EFI/BOOT/BOOTX64.EFI"] = _image(paths.HOST_IMAGE if host else paths.GUEST_IMAGE)
    if host:
        files["pvtest.efi"] = _image(paths.GUEST_IMAGE)
    for name, content in files.items():
        try:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        except OSError as error:
            raise RunnerError(f"boot volume: {system_error(error, folder / name)}") from None
    return folder


def _image(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RunnerError(f"{system_error(error, path)}; build the images with: make image") from None
