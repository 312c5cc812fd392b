# SPDX-License-Identifier: MIT
"""The rest of the plan when a boot broke off: all after the test that was running, and nothing twice."""

from __future__ import annotations

from dataclasses import dataclass

from pvtest.images.catalogue import Instance


@dataclass(frozen=True)
class Part:
    """Some rounds of some instances: what one boot runs."""

    first_round: int
    rounds: int
    instances: tuple[Instance, ...]

    @property
    def order(self) -> list[str]:
        """Ids in the order in which the guest reports them."""
        return [instance.id for instance in self.instances] * self.rounds


def after(part: Part, reported: int, guilty: Instance) -> list[Part]:
    """The parts that follow when `guilty` ended a boot of `part` after `reported` results.

    The rest of the round comes first, then the later rounds without the guilty test: it would only end them as well.
    """
    count = len(part.instances)
    number = min(reported // count, part.rounds - 1)
    place = part.instances.index(guilty)
    parts = [
        Part(part.first_round + number, 1, part.instances[place + 1 :]),
        Part(
            part.first_round + number + 1,
            part.rounds - number - 1,
            tuple(instance for instance in part.instances if instance is not guilty),
        ),
    ]
    return [later for later in parts if later.rounds and later.instances]
