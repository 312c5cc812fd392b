# SPDX-License-Identifier: MIT
"""Devices of a machine: the device classes that tests can run on, and the IOMMUs whose defects they can show.

The reference host has virtual functions of its own behind a software IOMMU. They need nothing of QEMU, so a machine
without first-stage VT-d runs on them alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pvtest.errors import MissingError, RunnerError, UsageError
from pvtest.images.catalogue import CLASSES, Instance, Switch

AnySwitch = TypeVar("AnySwitch", bound=Switch)

FUNCTION_COUNTS = {"dmaprobe": 4, "dmaprobe+ats": 4, "ioat": 2}  # of the table in host/vdev/topology.c
FUNCTIONS = tuple(FUNCTION_COUNTS)
OPTION = "--functions-alone"
NO_HOST = "--no-host"
UNIT = "--iommu"
# Units that the image drives itself, as the options file of the guest spells them, and the device of QEMU.
UNITS = {"virtio-iommu": "virtio-iommu-pci", "vtd": "intel-iommu"}


@dataclass(frozen=True)
class Devices:
    """Everything, unless `why` tells why there are only the host's virtual functions."""

    why: str = ""
    forced: bool = False  # by the command line, not by what QEMU lacks
    hostless: bool = False  # the image runs on QEMU itself, without the reference host and its functions
    unit: str = ""  # a unit of QEMU's that the image drives itself, in the place of a host's pvIOMMU

    @property
    def alone(self) -> bool:
        """Nothing behind VT-d?"""
        return bool(self.why)

    @property
    def classes(self) -> tuple[str, ...]:
        """Device classes of this machine."""
        found = FUNCTIONS if self.alone else CLASSES
        return tuple(name for name in found if not (self.hostless and name in FUNCTIONS))

    @property
    def sentence(self) -> str:
        """For the terminal; empty where nothing is lacking."""
        if self.unit:
            return f"option {UNIT} {self.unit}: the image drives QEMU's {self.unit} itself, without the reference host"
        if self.hostless:
            return f"{self._because}: running on QEMU itself, without the reference host"
        return f"{self.why}: running on the host's virtual functions alone" if self.alone else ""

    @property
    def options(self) -> list[str]:
        """Those of ./run.sh that make the same machine again."""
        if self.unit:
            return [UNIT, self.unit]
        return [word for word, given in ((OPTION, self.forced), (NO_HOST, self.hostless)) if given]

    @property
    def _because(self) -> str:
        option = f"option {UNIT} {self.unit}" if self.unit else f"option {NO_HOST}" if self.hostless else ""
        return ", ".join(word for word in (option, self.why) if word)

    def lacking(self, what: str) -> RunnerError:
        """The error for something that was asked for and cannot be had: of usage where an option forbids it."""
        return (UsageError if self.forced or self.hostless else MissingError)(f"{what} ({self._because})")

    def on(self, instances: Iterable[Instance]) -> list[Instance]:
        """Those that can run here."""
        return [instance for instance in instances if instance.device is None or instance.device in self.classes]

    def check(self, word: str, found: Sequence[Instance]) -> None:
        """Raises where a word of the command line selects tests, but none that can run here."""
        if found and not self.on(found):
            classes = ", ".join(sorted({instance.device or "" for instance in found}))
            raise self.lacking(f"'{word}' selects tests on {classes} alone, and this machine has no such device")

    def unseen(self, switches: Iterable[AnySwitch]) -> list[AnySwitch]:
        """Those that show only behind an IOMMU that this machine does not have; variants pass on any."""
        return [switch for switch in switches if self.alone and getattr(switch, "unit", "any") == "vtd"]
