# SPDX-License-Identifier: MIT
"""The rounds of `./run.sh soak`: what each of them boots, drawn from one seed and the number of the round."""

from __future__ import annotations

import random
import shlex
from dataclasses import dataclass

from pvtest.plan.devices import Devices

CACHING = ("none", "random", "adversarial")
MEMORY_MIB = (1536, 2560, 3200, 4352, 6144)
PROCESSORS = (1, 2, 2, 4)  # two are what most tests want
# What a round runs, and how often that is drawn. A round of one group repeats it, because it is short.
CONTENTS = {
    "everything": (6, ()),
    "the random model": (2, ("stress.*", "--repeat", "5")),
    "hostile guests": (2, ("hostile.*", "--repeat", "5")),
    "flushes": (1, ("flush*", "--repeat", "3")),
}
# Options of each machine; on those of MACHINES_WITH_HOST the reference host takes more of them.
MACHINES_WITH_HOST = {
    "pci": ("--bus", "pci"),
    "vpci": ("--bus", "vpci"),
    "gen2": ("--machine", "gen2"),
    "functions alone": ("--functions-alone",),
}
MACHINES_OF_OTHERS = {
    "virtio-iommu": ("--iommu", "virtio-iommu"),
    "vtd": ("--iommu", "vtd"),
}


@dataclass(frozen=True)
class Round:
    """One call of the runner."""

    number: int
    machine: str
    content: str
    words: tuple[str, ...]

    @property
    def command(self) -> str:
        """To run just this round again."""
        return f"./run.sh {shlex.join(self.words)}"


def machines_of(devices: Devices) -> list[str]:
    """The machines that a QEMU with these devices can be."""
    if devices.alone:  # an old QEMU has no first-stage VT-d
        return ["functions alone"]
    return [*MACHINES_WITH_HOST, *MACHINES_OF_OTHERS]


def draw(seed: int, number: int, machines: list[str]) -> Round:
    """Round `number`, from 1 on. The machines come in turn, so that a short soak sees each; all else is by chance."""
    chance = random.Random(f"{seed} {number}")
    machine = machines[(number - 1) % len(machines)]
    names = list(CONTENTS)
    content = chance.choices(names, [CONTENTS[name][0] for name in names])[0]
    words = [*(MACHINES_WITH_HOST | MACHINES_OF_OTHERS)[machine], "--seed", str(chance.randrange(1 << 32))]
    if machine in MACHINES_OF_OTHERS:
        content = "everything"  # the groups above belong to the reference host, or are short there
    else:
        words += ["--caching", chance.choice(CACHING)]
        words += ["--cpus", str(chance.choice(PROCESSORS)), "--memory", str(chance.choice(MEMORY_MIB))]
    words += CONTENTS[content][1]
    if chance.random() < 0.5:
        words.append("--shuffle")
    return Round(number, machine, content, tuple(words))
