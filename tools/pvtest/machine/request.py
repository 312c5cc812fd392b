# SPDX-License-Identifier: MIT
"""The request for a run."""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass, field
from typing import Any

from pvtest import paths
from pvtest.images import boot_volume
from pvtest.images.boot_volume import BootOptions, FaultTurn
from pvtest.images.catalogue import DECLARED_TIER, Catalogue, Defect, Instance, Variant, highest_tier
from pvtest.images.requirements import Requirements
from pvtest.machine.guest_process import Limits
from pvtest.machine.qemu import NVME_BYTES, Qemu
from pvtest.machine.saved import Saved
from pvtest.plan import replay
from pvtest.plan.devices import OPTION, Devices
from pvtest.plan.replay import Replay

CAMPAIGN_RESTARTS = 1  # a host with a defect hangs often; its matrix needs one failing test, not all of them
TOLD_MOST = 5000  # results with the steps of each: more would be a flood, and end the run
WHOLE_DISK = f"1:0+{NVME_BYTES // 512}"  # of a controller that the runner gives the machine
LONG_LIMITS = Limits(total=900.0, silence=90.0)  # such a test ends by its own deadline after 60 s
HOST_CRASH = "host-crash"  # of --fixture


@dataclass
class Request:
    """The images, the machine and the tests of a run."""

    catalogue: Catalogue
    requirements: Requirements
    selected: list[Instance]
    qemu: Qemu
    accel: str = "tcg"
    seed: int = 1
    repeat: int = 1
    verbose: int = 0
    host_log: int | None = None  # None = as verbose as the guest
    bench: bool = False
    fixture: str | None = None
    deadline_ms: int | None = None
    answer_ms: int | None = None  # that the host may take for what it has to send; None = a second
    defects: list[Defect] = field(default_factory=list)
    variants: list[Variant] = field(default_factory=list)
    caching: str = "adversarial"  # policy of the host's software IOMMU
    calls_from: int = 1  # the processor that makes the hypercalls of a test which does not say
    unit_fault: str = ""  # of a unit that the image drives itself
    fault_turns: list[FaultTurn] = field(default_factory=list)  # such faults in the place of a run; with `shuffled`
    bus: str = "vpci"  # on which the reference host shows the devices
    machine: str = "q35"  # that it shows
    nvme_scratch: str = WHOLE_DISK  # blocks of NVMe namespaces that the suite may write to; empty = none
    nvme_read: str = ""  # blocks that it may read alone
    limits: Limits = Limits()
    command: list[str] = field(default_factory=list)
    restarts: int = CAMPAIGN_RESTARTS  # boots that may follow one that broke off
    virtual_clock: bool = False  # for a machine of slow tests alone
    slow_apart: bool = False  # tests that wait for slow devices have a machine of their own, where time costs nothing
    shuffled: bool = False  # the order of `selected` is the order of the run
    # Ids of instances of which a FAIL ends the run. They come first in `selected`; the others are in the catalogue's
    # order.
    stop_at: frozenset[str] = frozenset()
    replay: Replay | None = None  # the operations of random tests
    shrink: bool = False  # a failure of random tests becomes that of the fewest operations
    transcript: bool = False  # a test that fails prints its calls and tables
    saved: Saved | None = None  # where each boot begins, in the place of the firmware; `qemu` is that of it

    @property
    def patience(self) -> Limits:
        """The limits; tests that take seconds get more, unless a person has set others."""
        long = self.limits == Limits() and highest_tier(self.selected) == DECLARED_TIER
        return LONG_LIMITS if long else self.limits

    @property
    def lanes(self) -> list[Request]:
        """The machines of this run, at work at the same time. A fixture breaks the guest of the first one."""
        slow = [instance for instance in self.selected if instance.slow] if self.slow_apart else []
        if not slow:
            return [self]
        quick = [instance for instance in self.selected if not instance.slow]
        if not quick:
            return [dataclasses.replace(self, virtual_clock=True)]
        return [
            dataclasses.replace(self, selected=quick),
            dataclasses.replace(self, selected=slow, virtual_clock=True, fixture=None),
        ]

    @property
    def host_level(self) -> int:
        """Of the host's log."""
        return min(1 + self.verbose, 2) if self.host_log is None else self.host_log

    def description(self) -> dict[str, Any]:
        """The machine, for results.json."""
        shown = {} if self.qemu.devices.hostless else {"bus": self.bus, "machine": self.machine}
        return {**self.qemu.description(self.accel), **shown}

    def flags(self) -> list[str]:
        """Options of ./run.sh that shape what a test sees, for the command that shows a result again."""
        words = [word for defect in self.defects for word in ("--defect", defect.name)]
        words += [word for variant in self.variants for word in ("--variant", variant.name)]
        if self.caching != "adversarial":
            words += ["--caching", self.caching]
        if self.bus != "vpci" and not self.qemu.devices.hostless:
            words += ["--bus", self.bus]
        if self.machine != "q35":
            words += ["--machine", self.machine]
        if self.calls_from != 1:
            words += ["--calls-from", str(self.calls_from)]
        if self.nvme_scratch != WHOLE_DISK:
            words += ["--nvme-scratch", self.nvme_scratch or "none"]
        if self.nvme_read:
            words += ["--nvme-read", self.nvme_read]
        words += paths.chosen + self.qemu.devices.options + self.qemu.hardware.options
        if self.accel != "tcg":
            words += ["--accel", self.accel]
        if self.replay is not None:
            words += ["--replay", str(self.replay.path)]
        times = {"--deadline": self.deadline_ms, "--answer": self.answer_ms}
        words += [word for option, time in times.items() if time is not None for word in (option, str(time))]
        return words

    def options(self) -> BootOptions:
        """The options of guest and host on the boot volume."""
        first = sum(1 for _ in itertools.takewhile(lambda instance: instance.id in self.stop_at, self.selected))
        if self.stop_at:
            chosen = boot_volume.own_first(self.catalogue, self.selected, first)
        else:
            chosen = boot_volume.selection(self.catalogue, self.selected, self.shuffled)
        return BootOptions(
            seed=self.seed,
            repeat=self.repeat,
            deadline_ms=self.deadline_ms,
            answer_ms=self.answer_ms,
            verbose=self.verbose if len(self.selected) * self.repeat <= TOLD_MOST else 0,
            host_log=self.host_level,
            bench=self.bench,
            fixture=None if self.fixture == HOST_CRASH else self.fixture,
            given_order=self.shuffled or bool(self.stop_at),
            stop_at_fail=first,
            tests=chosen.tests,
            without=chosen.without,
            tier=chosen.tier,
            defects=[defect.name for defect in self.defects],
            variants=[variant.name for variant in self.variants],
            caching=self.caching,
            calls_from=self.calls_from,
            bus=self.bus,
            machine=self.machine,
            nvme_scratch=self.nvme_scratch if "nvme" in self.qemu.devices.classes else "",
            nvme_read=self.nvme_read if "nvme" in self.qemu.devices.classes else "",
            iommu=self.qemu.devices.unit or boot_volume.PVIOMMU,
            unit_fault=self.unit_fault,
            fault_turns=self.fault_turns,
            replay=replay.values(self.replay.operations) if self.replay else [],
            shrink=self.shrink,
            transcript=self.transcript,
            # A host that is broken on purpose is told so in its own options, a guest in the guest's.
            host_crash=self.fixture == HOST_CRASH,
        )


# Units whose defects need no device of QEMU. Some show on a machine without VT-d alone, whose host has 57 bits of IOVA.
FUNCTIONS_ALONE = ("soft", "ioat")


def on_functions_alone(request: Request) -> Request:
    """The same on the virtual functions of the host."""
    devices = request.qemu.devices
    if not devices.alone:
        devices = Devices(f"option {OPTION}", forced=True)
    qemu = dataclasses.replace(request.qemu, iommu="", devices=devices)
    return dataclasses.replace(request, qemu=qemu, selected=devices.on(request.selected))
