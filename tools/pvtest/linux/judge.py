# SPDX-License-Identifier: MIT
"""The console of a Linux guest, and its judgment of the host."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pvtest.errors import EXIT_ERROR, EXIT_FAIL, EXIT_OK

_WORD = re.compile(r"^(?:\[ *\d+\.\d+\] )?linux: (.*)$")
_KERNEL = re.compile(r"^\[ *\d+\.\d+\] (.*)$")
# A line of /proc/interrupts: the count of each processor, and the controller of an I/O queue.
_QUEUE = re.compile(r"interrupts +\d+:((?: +\d+)+) .* (nvme\d+)q[1-9]\d*")
_WARNING = re.compile(
    r"WARNING:|BUG:|Oops|Call Trace:|Kernel panic|unchecked MSR|general protection|can't claim|failed to assign"
    r"|\bhung task|blocked for more than|soft lockup|rcu: INFO|Unknown NMI|I/O error|I/O \d+ .*timeout"
)
# Warnings of the kernel that say nothing against the host, each with its reason.
EXPECTED: tuple[tuple[str, str], ...] = (
    (r"clocksource: .* unstable", "an emulated processor on a loaded machine"),
    (r"hrtimer: interrupt took", "an emulated processor on a loaded machine"),
)


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: `pass`, `fail` or `skip`, and why."""

    id: str
    verdict: str
    reason: str = ""


@dataclass(frozen=True)
class Wanted:
    """The devices of the machine."""

    vpci: bool
    disks: int
    gen2: bool = False  # without the devices of a PC
    own_init: bool = True  # the first process is that of tests/linux, which tells what it finds


def told(lines: Sequence[str]) -> list[str]:
    """The words of tests/linux/init."""
    return [match[1] for line in lines if (match := _WORD.match(line))]


def _check(name: str, good: bool, reason: str) -> Check:
    return Check(name, "pass" if good else "fail", "" if good else reason)


def _first(words: Sequence[str], pattern: str) -> re.Match[str] | None:
    return next((match for word in words if (match := re.fullmatch(pattern, word))), None)


def _vmbus(words: Sequence[str], wanted: Wanted) -> list[Check]:
    if not wanted.vpci:
        return [Check(name, "skip", "the machine has plain PCI") for name in ("vmbus", "buses", "bus-functions")]
    protocol = _first(words, r"vmbus protocol (\d+\.\d+)")
    buses = _first(words, r"vmbus devices (\d+), bound (\d+)")
    all_buses, bound = (int(buses[1]), int(buses[2])) if buses else (0, 0)
    # Buses of vPCI are domains of their own, from 1 on.
    domains = {match[1] for word in words if (match := re.match(r"function ([0-9a-f]{4,8}):", word))} - {"0000"}
    return [
        _check("vmbus", protocol is not None, "no connection to VMBus"),
        _check("buses", 0 < all_buses == bound, f"{bound} of {all_buses} offered buses have a driver"),
        _check("bus-functions", 0 < bound == len(domains), f"{len(domains)} of {bound} buses have a function"),
    ]


def _machine(words: Sequence[str], wanted: Wanted) -> Check:
    """A generation 2 VM has neither the devices of a PC nor a PCI bus that can be scanned."""
    if not wanted.gen2:
        return Check("machine", "skip", "the machine is a PC")
    found = [match[1] for word in words if (match := re.fullmatch(r"pc device (\S+)", word))]
    found += [match[1] for word in words if (match := re.match(r"function (0000:\S+):", word))]
    return _check("machine", not found, f"a generation 2 VM has no {', '.join(found[:3])}")


def _disks(words: Sequence[str], wanted: Wanted) -> list[Check]:
    """Data were written, read and compared, by requests that do not go through the page cache."""
    if wanted.disks == 0:
        return [Check(name, "skip", "the machine has no NVMe disk") for name in ("disks", "disk-interrupts")]
    found = {match[1]: match[2] for word in words if (match := re.fullmatch(r"disk (\S+) (.*)", word))}
    wrong = [f"{disk} {said}" for disk, said in found.items() if said != "written and read"]
    rows = [match for word in words if (match := _QUEUE.fullmatch(word))]
    heard = {match[2] for match in rows if any(int(count) for count in match[1].split())}
    reason = f"{len(found)} of {wanted.disks} disks found" if len(found) != wanted.disks else "; ".join(wrong)
    return [
        _check("disks", not reason, reason),
        _check("disk-interrupts", len(heard) == wanted.disks, f"those of {len(heard)} of {wanted.disks} disks arrive"),
    ]


# As the driver of the pvIOMMU tells it; Debian 12 has none.
_UNIT = re.compile(r"initialized: (\d+)-bit IOVA aperture, page-size bitmap (0x[0-9a-f]+)")
_GROUP = re.compile(r"group (\d+) of (\S+) type (\S+)")
_SWITCHED = re.compile(r"switched (\S+) to (\S+) type (\S*)")
_COPIES = re.compile(r"dmatest (\S+): summary (\d+) tests, (\d+) failures\b.*")
_BASE_PAGE = 1 << 12
TYPES = ("DMA", "DMA-FQ")  # of domains whose tables are the kernel's; what DMA API users of a default domain get
SWITCHES = ("identity", "DMA-FQ", "DMA")


def _copies(words: Sequence[str]) -> Check:
    """Of DMA engines, by dmatest."""
    begun = [match for word in words if (match := re.fullmatch(r"copies (\S+) run (\S+) after \d+ s", word))]
    if not begun:
        return Check("copies", "skip", "the kernel has no dmatest, or no DMA engine")
    summaries = [match for word in words if (match := _COPIES.fullmatch(word))]
    wrong = [f"{match[3]} of {match[2]} copies of {match[1]} fail" for match in summaries if match[3] != "0"]
    wrong += [f"the copies at {match[1]} do not end" for match in begun if match[2] != "N"]
    short = len(summaries) < len(begun) or any(match[2] == "0" for match in summaries)
    wrong += ["channels without a summary of their copies"] if short else []
    return _check("copies", not wrong, "; ".join(wrong))


def _iommu(lines: Sequence[str], words: Sequence[str]) -> list[Check]:
    """A kernel with a driver of the pvIOMMU: the unit, the groups, and types that change."""
    unit = next((match for line in lines if (match := _UNIT.search(line))), None)
    if unit is None:
        why = "the kernel has no driver of the pvIOMMU, or the driver found none"
        return [Check(name, "skip", why) for name in ("iommu-unit", "iommu-groups", "iommu-types")]
    usable = int(unit[1]) >= 32 and bool(int(unit[2], 16) & _BASE_PAGE)
    types = {match[2]: match[3] for word in words if (match := _GROUP.fullmatch(word))}
    functions = {match[1] for word in words if (match := re.match(r"function ([0-9a-f]+:\S+)", word))}
    managed = {name for name in functions if not name.startswith("0000:")}
    lacking = sorted(managed - set(types))
    wrong = sorted(f"{name} has type {types[name]}" for name in managed & set(types) if types[name] not in TYPES)
    switched = [match for word in words if (match := _SWITCHED.fullmatch(word))]
    refused = [f"{match[1]} stays {match[3]} instead of {match[2]}" for match in switched if match[3] != match[2]]
    missing = [name for name in SWITCHES if name not in [match[2] for match in switched]]
    groups = "; ".join([f"{name} is in no group" for name in lacking[:3]] + wrong[:3])
    return [
        _check("iommu-unit", usable, f"{unit[1]} bits of IOVA, page sizes {unit[2]}"),
        _check("iommu-groups", bool(managed) and not groups, groups or "no function is on a vPCI bus"),
        Check("iommu-types", "skip", "no driver of an IOAT engine is bound")
        if not switched
        else _check("iommu-types", not refused and not missing, "; ".join(refused or missing)),
    ]


def warnings(lines: Sequence[str]) -> list[str]:
    """Lines of the kernel that complain, without those that are expected."""
    texts = [match[1] for line in lines if (match := _KERNEL.match(line))]
    found = [text for text in texts if _WARNING.search(text)]
    return [text for text in found if not any(re.search(pattern, text) for pattern, _ in EXPECTED)]


def judge(lines: Sequence[str], wanted: Wanted, interruption: str) -> list[Check]:
    """`interruption` says why the machine was stopped; empty = it ended by itself."""
    words = told(lines)
    bad = warnings(lines)
    checks = [
        _check("kernel", any(_KERNEL.match(line) for line in lines), "the kernel wrote nothing to its console"),
        _check("end", not interruption, interruption),
        _check("warnings", not bad, "; ".join(bad[:3])),
    ]
    if not wanted.own_init:
        return checks
    shell = _first(words, r"shell on .*")
    done = "done" in words
    return [
        *checks,
        _check("shell", shell is not None, "the first process did not start"),
        _check("init-end", done, "the first process did not come to its end"),
        _machine(words, wanted),
        *_vmbus(words, wanted),
        *_disks(words, wanted),
        *_iommu(lines, words),
        _copies(words),
    ]


def summary(checks: Sequence[Check]) -> dict[str, int]:
    """How many have which verdict."""
    return {verdict: sum(check.verdict == verdict for check in checks) for verdict in ("pass", "fail", "skip")}


def exit_code(checks: Sequence[Check]) -> int:
    """That of a run: where no kernel came up, nothing was tested."""
    failed = {check.id for check in checks if check.verdict == "fail"}
    if "kernel" in failed:
        return EXIT_ERROR
    return EXIT_FAIL if failed else EXIT_OK
