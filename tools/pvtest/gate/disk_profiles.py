# SPDX-License-Identifier: MIT
"""The profiles that come with the suite, on a disk: the image judges them where no runner does (docs/unattended.md)."""

from __future__ import annotations

from pvtest.errors import UsageError
from pvtest.gate import profiles
from pvtest.gate.profiles import Profile
from pvtest.images import requirements
from pvtest.images.boot_volume import PVIOMMU
from pvtest.images.catalogue import Catalogue
from pvtest.images.requirements import Requirements

FILE = "pvtest.profiles"
HEAD = "pvtest-profiles 1"
MOST_PROFILES, MOST_REQUIREMENTS = 8, 256  # tests/harness/profiles.h
_LETTERS = {"mandatory": "m", "optional": "o", "advisory": "a"}


def _lines(profile: Profile, known: Requirements, covered: set[str]) -> list[str]:
    if any(demand == "mandatory" for _, demand in profile.devices):
        raise UsageError(f"profile {profile.name} needs classes of devices, which no disk can judge")
    # The host does not answer for a requirement that no test of the catalogue covers.
    asked = ((item.id in covered, profile.demand(item)) for item in known.items)
    demands = "".join(_LETTERS[demand if tested else "optional"] for tested, demand in asked)
    bounds = [(each.field, *bound) for each in profile.capabilities for bound in each.bounds.items()]
    return [
        f"profile {profile.name} {profile.version} {demands}",
        *(f"bound {field} {name} {bound:#x}" for field, name, bound in bounds),
        *(f"needs {' '.join(profile.needs)}" for _ in profile.needs[:1]),
    ]


def render(tests: Catalogue, known: Requirements) -> str:
    """The text of the file: requirements, the profiles for a pvIOMMU, and the requirements of each test by number."""
    place = {item.id: number for number, item in enumerate(known.items)}
    every = requirements.load()
    loaded = [profiles.load(name, every) for name in profiles.names()]
    chosen = [profile for profile in loaded if profile.unit in ("", PVIOMMU)]
    covered = {known[name].id for test in tests.tests for name in test.requirements}
    assert len(chosen) <= MOST_PROFILES and len(place) <= MOST_REQUIREMENTS, "tests/harness/profiles.h has less room"
    lines = [HEAD, f"requirements {' '.join(place)}"]
    for profile in chosen:
        lines += _lines(profile, known, covered)
    for test in tests.tests:
        numbers = dict.fromkeys(place[known[name].id] for name in test.requirements)
        lines.append(" ".join(("test", test.id, *map(str, numbers))))
    return "\n".join(lines) + "\n"
