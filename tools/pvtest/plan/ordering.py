# SPDX-License-Identifier: MIT
"""From the command line to the instances of a run, in their order."""

from __future__ import annotations

import argparse
import random
from dataclasses import dataclass
from typing import Any

from pvtest.errors import UsageError
from pvtest.images.catalogue import Catalogue, Instance, Switch
from pvtest.images.requirements import Requirements
from pvtest.plan import shard
from pvtest.plan.devices import Devices
from pvtest.plan.selection import Filters, in_order, select


@dataclass
class Plan:
    """The instances of this run, in order."""

    selected: list[Instance]
    shuffled: bool
    shard: str  # "2/4", or empty
    digest: str  # of what all shards together run, or empty


@dataclass
class CampaignPlan:
    """The defects or variants that this machine runs."""

    part: shard.Shard | None
    whole: list[Switch]

    @property
    def chosen(self) -> list[Switch]:
        """A machine may be left without any; its plain run counts all the same."""
        return self.part.take(self.whole) if self.part else self.whole

    def keys(self, versions: dict[str, str]) -> dict[str, Any]:
        """The fields that `merge` checks before it puts shards together."""
        return {
            "shard": str(self.part or ""),
            "plan": shard.digest(sorted(switch.name for switch in self.whole)) if self.part else "",
            "versions": {name: versions[name] for name in ("guest", "host", "qemu")},
        }


def filters(options: argparse.Namespace) -> Filters:
    """The filters of the options, without the globs."""
    return Filters(
        groups=options.group,
        requirements=options.requirement,
        classes=options.device_class,
        levels=options.level,
        kinds=options.kind,
        without=options.without,
        tier=options.tier,
    )


def plan(
    options: argparse.Namespace, catalogue: Catalogue, requirements: Requirements, devices: Devices = Devices()
) -> Plan:
    """Selection, then shard, then order."""
    selected = select(catalogue, requirements, options.globs, filters(options), devices)
    digest = ""
    if options.shard is not None:
        digest = shard.digest(sorted(instance.id for instance in selected))
        whole = len(selected)
        selected = options.shard.take(selected)
        if not selected:
            raise UsageError(f"shard {options.shard} is empty: the selection has {whole} tests")
    if options.shuffle:
        # The same seed, selection and shard give the same order, on every machine.
        random.Random(options.seed).shuffle(selected)
    given = getattr(options, "in_order", False)
    if given:
        selected = in_order(selected, requirements, options.globs)
    return Plan(selected, options.shuffle or given, str(options.shard or ""), digest)
