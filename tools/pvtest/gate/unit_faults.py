# SPDX-License-Identifier: MIT
"""A step of `make test`: on both units that the image drives itself, the tests see each step that it leaves out.

`python3 -m pvtest.gate.unit_faults [FAULT...]` runs some of them, all of a unit in one boot. With `--boot-each` each
has a boot of its own; with `--compare` both are done, the first in both orders, and every verdict has to be the same.
With `--every-test` each of them meets every test of its unit, and the tests that none of them makes fail are listed: 9
minutes on two cores.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pvtest import paths
from pvtest.errors import EXIT_FAIL, EXIT_OK
from pvtest.gate import baseline, inputs
from pvtest.images.boot_volume import FaultTurn
from pvtest.images.catalogue import Catalogue, Instance
from pvtest.images.requirements import Requirements
from pvtest.machine import boots, from_options, qemu
from pvtest.machine.guest_process import Limits, Observer
from pvtest.plan.devices import UNITS
from pvtest.report import json_writer
from pvtest.stream.model import Run, Verdict
from pvtest.stream.tap import Point, TapParser

# The faults of drivers/units/unit_faults.c, call_faults.c and vtd_faults.c, and the requirements of which a test must
# see each.
FAULTS = {
    "domain-flush-lost": "FL-1 FL-2 FL-4",
    "domain-flush-of-another": "FL-1 FL-4 FL-5",
    "list-flush-lost": "LS-1 LS-4",
    "list-first-lost": "LS-1 LS-4",
    "list-last-lost": "LS-1 LS-4",
    "list-first-page-only": "LS-1",
    "list-half-block": "LS-1",
    "list-next-page": "LS-1",
    "list-32-bits": "LS-1 LS-2",
    "attach-lost": "ATT-1 ATT-2 ATT-4",
    "detach-lost": "DET-1 DET-2",
    "second-device-lost": "ATT-1 ATT-2 ATT-3 ATT-9",
    "blocked-opens": "ATT-6 ATT-7 CFG-5",
    "identity-blocks": "ID-1",
    "refusal-detaches": "ATT-8",
    "configure-unchecked": "CFG-4",
    "unknown-flushed": "FL-8",
    "delete-lost": "DEL-1 DOM-1 DOM-2",
    "create-cut": "DOM-1 DOM-2 ISO-1",
    "vtd-context-lost": "VTD-INV-6",
    "vtd-context-of-another": "VTD-INV-6",
    "vtd-iotlb-global-lost": "VTD-INV-1",
    "vtd-iotlb-domain-lost": "VTD-INV-2",
    "vtd-iotlb-pages-lost": "VTD-INV-3",
    "vtd-iotlb-other-domain": "VTD-INV-2 VTD-INV-8",
    "vtd-pasid-lost": "VTD-INV-4 VTD-INV-7",
    "vtd-pasid-other-domain": "VTD-INV-4",
    "vtd-pasid-other-pasid": "VTD-INV-4 VTD-INV-5",
    "vtd-pages-lost": "VTD-INV-5",
    "vtd-pages-first-only": "VTD-INV-5",
    "vtd-pages-half": "VTD-INV-5",
    "vtd-pages-next": "VTD-INV-5",
    "vtd-wait-other-data": "VTD-Q-1",
    "vtd-wait-other-address": "VTD-Q-1",
    "vtd-wait-no-event": "VTD-Q-3",
    "vtd-queue-first-lost": "VTD-Q-4",
    "vtd-queue-flaws-accepted": "VTD-QE-1 VTD-QE-2 VTD-QE-3 VTD-QE-4",
    "vtd-queue-error-hidden": "VTD-QE-4 VTD-QE-7",
    "vtd-queue-error-stays": "VTD-QE-5",
    "vtd-queue-head-stuck": "VTD-Q-4",
    "vtd-fault-pending-hidden": "VTD-FLT-2",
    "vtd-fault-overflow-hidden": "VTD-FLT-5",
    "vtd-fault-other-source": "VTD-FLT-1",
    "vtd-fault-other-reason": "VTD-FLT-1 VTD-ENT-5",
    "vtd-fault-other-direction": "VTD-FLT-1",
    "vtd-fault-other-address": "VTD-FLT-1",
    "vtd-fault-event-hidden": "VTD-FLT-6",
    "vtd-fault-record-stays": "VTD-FLT-4",
    "vtd-entry-flaws-unseen": "VTD-ENT-1 VTD-ENT-2 VTD-ENT-4 VTD-FLT-8",
    "vtd-no-queue-reported": "VTD-REG-1",
    "vtd-commands-unseen": "VTD-REG-2",
    "vtd-queue-stays-on": "VTD-REG-3",
}
# Faults that end the run, and what it says.
FATAL = {"vtd-queue-silent": "the VT-d unit did not carry out its invalidation queue within a second"}
# Those of drivers/units/virtio_faults.c, seen by the requirements of that unit.
VIRTIO_FAULTS = {
    "virtio-tail-bits": "VIO-10",
    "virtio-success-untold": "VIO-7",
    "virtio-head-checked": "VIO-9",
    "virtio-short-accepted": "VIO-14",
    "virtio-bypass-never": "VIO-4 VIO-5 VIO-12",
    "virtio-bypass-always": "VIO-11",
    "virtio-features-both": "VIO-2",
    "virtio-no-page-size": "VIO-3",
    "virtio-domain-ids-cut": "VIO-16",
    "virtio-flag-bypass-lost": "VIO-13",
    "virtio-attach-flags-unread": "VIO-18",
    "virtio-endpoint-unread": "VIO-19 VIO-26 VIO-45",
    "virtio-refusal-detaches": "VIO-22",
    "virtio-move-lost": "VIO-21 VIO-23",
    "virtio-second-lost": "VIO-24",
    "virtio-detach-checked": "VIO-25",
    "virtio-detach-lost": "VIO-28",
    "virtio-domain-kept": "VIO-29",
    "virtio-overlap-accepted": "VIO-32 VIO-35",
    "virtio-overlap-replaces": "VIO-32",
    "virtio-map-flags-unread": "VIO-33",
    "virtio-all-writable": "VIO-36",
    "virtio-no-domain-accepted": "VIO-34 VIO-39",
    "virtio-unmap-in-bypass": "VIO-40",
    "virtio-split-accepted": "VIO-41",
    "virtio-split-removes": "VIO-41",
    "virtio-unmap-one-more": "VIO-42",
    "virtio-unmap-lost": "VIO-38 VIO-43",
    "virtio-probe-checked": "VIO-44",
    "virtio-probe-garbage": "VIO-47",
    "virtio-probe-repeats": "VIO-49",
    "virtio-event-bits": "VIO-52",
    "virtio-event-of-another": "VIO-52",
    "virtio-event-reason": "VIO-52",
    "virtio-event-late": "VIO-52 VIO-53",
}
EVERY = [*FAULTS, *FATAL, *VIRTIO_FAULTS]
DEVICE = "rocker"  # the quickest that every machine has
BROKEN_BOOTS = 3  # of a unit, that ended before their time; then each fault has a boot of its own
Verdicts = tuple[tuple[str, str], ...]  # ids of tests and what they say, in the order of the run


@dataclass(frozen=True)
class Trial:
    """A fault on a unit."""

    unit: str
    fault: str
    seen: tuple[str, ...]  # tests of its own requirements that failed
    others: tuple[str, ...] = ()
    problem: str = ""
    verdicts: Verdicts = ()  # of its own tests, up to the first that failed

    def __str__(self) -> str:
        what = f"{self.unit:13} {self.fault:24}"
        if self.seen:
            return f"{what} seen by {self.seen[0]}"
        return f"{what} MISSED; {self.problem or ', '.join(self.others[:3]) or 'every test passed'}"


def _usable(unit: str, tests: Catalogue, booted: qemu.Qemu) -> list[Instance]:
    """Quick tests that are judged on the unit: neither about hypercalls, nor known to fail there."""
    file = inputs.of_unit(unit, booted.version)
    excused = baseline.load(file).known if file else ()
    usable = [i for i in booted.devices.on(tests.instances) if i.device in (DEVICE, None)]
    usable = [i for i in usable if i.tier == "quick" and "abi" not in i.test.kinds]
    return [i for i in usable if not any(entry.matches(i.id) for entry in excused)]


@lru_cache(maxsize=None)
def _prepared(unit: str) -> tuple[Catalogue, Requirements, qemu.Qemu, list[Instance]]:
    """The same for all boots: the last are the tests that are judged on the unit."""
    tests, known = from_options.load(unit)
    booted = qemu.probe(unit=unit)
    return tests, known, booted, _usable(unit, tests, booted)


def _own(unit: str, fault: str) -> list[Instance]:
    """Tests of the fault's requirements, in the order of the catalogue."""
    wanted = set((FAULTS | VIRTIO_FAULTS).get(fault, "").split())
    return [i for i in _prepared(unit)[3] if wanted & set(i.test.requirements)]


def _run(unit: str, fault: str, folder: Path, every_test: bool = False) -> tuple[Run, list[Instance]]:
    """One boot, and the instances of the fault's requirements; it ends at the first of these that fails."""
    tests, known, booted, usable = _prepared(unit)
    own = _own(unit, fault)
    # Requests by hand concern the tests of the unit alone.
    alone = fault in VIRTIO_FAULTS and not every_test
    request = boots.Request(
        catalogue=tests,
        requirements=known,
        selected=own if alone else own + [i for i in usable if i not in own],
        qemu=booted,
        stop_at=frozenset() if every_test else frozenset(i.id for i in own),
        unit_fault=fault,
        limits=Limits(),
        restarts=3 if every_test else 0,
    )
    folder.mkdir(parents=True)
    run = boots.run(request, folder, Observer())
    (folder / "results.json").write_text(json.dumps(json_writer.document(run)), encoding="utf-8")
    return run, own


def _failed(run: Run) -> list[str]:
    return [result.instance.id for result in run.results if result.verdict is Verdict.FAIL]


def _alone(unit: str, fault: str, folder: Path) -> Trial:
    """In a boot of its own."""
    run, own = _run(unit, fault, folder)
    bad = _failed(run)
    names = {i.id for i in own}
    said = tuple(f"'{problem}'" for problem in run.problems if fault in FATAL and FATAL[fault] in problem)
    return Trial(
        unit,
        fault,
        said or tuple(name for name in bad if name in names),
        tuple(name for name in bad if name not in names),
        run.problems[0] if run.problems else "",
        tuple((result.instance.id, result.verdict.value) for result in run.results if result.instance.id in names),
    )


def _verdict(point: Point) -> str:
    if point.ok:
        return Verdict.SKIP.value if point.directive else Verdict.PASS.value
    # A set-up that fails says nothing of the test's own requirements.
    return "set-up" if "requirement" in point.yaml else point.yaml.get("verdict", "")


def _turn(points: list[Point], again: list[Point], own: tuple[str, ...]) -> Verdicts | None:
    """The verdicts of one turn, and None where the stream does not show them to be those of its fault: the last one is
    the first FAIL, and that test, or none where none fails, runs again without the fault and passes."""
    verdicts = tuple((point.id, _verdict(point)) for point in points)
    failed = [name for name, verdict in verdicts if verdict == Verdict.FAIL.value]
    whole = len(points) == len(own) or bool(failed)
    if not whole or own[: len(points)] != tuple(name for name, _ in verdicts) or failed not in ([], [points[-1].id]):
        return None
    return verdicts if [(point.id, _verdict(point)) for point in again] == [(n, "pass") for n in failed] else None


def turns(tap: TapParser, wanted: list[tuple[str, tuple[str, ...]]]) -> list[Verdicts]:
    """Those of the faults in front, each with the ids of its tests: up to the first whose turn did not end as it must.
    The guest says where a turn begins, and where the unit is without a fault again."""
    facts = tap.facts.get("fault", [])
    begins = [(told.get("name", ""), int(told["next"])) for told in facts if told.get("next", "").isdecimal()]
    if tap.end is not None:
        begins.append(("", len(tap.points) + 1))
    found: list[Verdicts] = []
    for number, (fault, own) in enumerate(wanted):
        here = begins[2 * number : 2 * number + 3]
        if [name for name, _ in here[:2]] != [fault, "none"] or len(here) < 3:
            break
        first, second, third = (place - 1 for _, place in here)
        verdicts = _turn(tap.points[first:second], tap.points[second:third], own)
        if verdicts is None:
            break
        found.append(verdicts)
    return found


def _together(unit: str, faults: list[str], folder: Path) -> list[Trial]:
    """In one boot, each on a unit that was started again; as far as that went."""
    tests, known, booted, usable = _prepared(unit)
    wanted = [(fault, tuple(i.id for i in _own(unit, fault))) for fault in faults]
    selected = [i for i in usable if any(i.id in own for _, own in wanted)]
    place = {i.id: number for number, i in enumerate(selected)}
    request = boots.Request(
        catalogue=tests,
        requirements=known,
        selected=selected,
        qemu=booted,
        shuffled=True,
        fault_turns=[FaultTurn(fault, tuple(place[name] for name in own)) for fault, own in wanted],
    )
    folder.mkdir(parents=True)
    outcome = boots.start(request, folder, Observer())
    outcome.tap.finish()
    return [
        Trial(unit, fault, tuple(name for name, told in verdicts if told == "fail"), verdicts=verdicts)
        for fault, verdicts in zip(faults, turns(outcome.tap, wanted))
    ]


def _own_unit(fault: str) -> str:
    return "virtio-iommu" if fault in VIRTIO_FAULTS else "vtd" if fault.startswith("vtd-") else ""


def _pairs(faults: list[str]) -> list[tuple[str, str]]:
    return [(unit, fault) for fault in faults for unit in UNITS if _own_unit(fault) in ("", unit)]


def never_failed(folder: Path, faults: list[str], jobs: int) -> dict[str, list[str]]:
    """Tests of each unit that ran and failed under none of the faults."""
    pairs = _pairs(faults)
    with ThreadPoolExecutor(jobs) as pool:
        runs = list(pool.map(lambda pair: _run(pair[0], pair[1], folder / "-".join(pair), every_test=True)[0], pairs))
    ran: dict[str, set[str]] = {unit: set() for unit in UNITS}
    failed: dict[str, set[str]] = {unit: set() for unit in UNITS}
    for (unit, _), run in zip(pairs, runs):
        failed[unit].update(name.partition("@")[0] for name in _failed(run))
        ran[unit].update(r.instance.test.id for r in run.results if r.verdict in (Verdict.PASS, Verdict.FAIL))
    return {unit: sorted(ran[unit] - failed[unit]) for unit in UNITS}


def boot_each(folder: Path, faults: list[str], jobs: int) -> list[Trial]:
    """Every fault on every unit that can have it: some are of one unit alone."""
    pairs = _pairs(faults)
    with ThreadPoolExecutor(jobs) as pool:
        trials = []
        for trial in pool.map(lambda pair: _alone(pair[0], pair[1], folder / "-".join(pair)), pairs):
            print(trial, flush=True)
            trials.append(trial)
    return trials


def _of_unit(unit: str, faults: list[str], folder: Path) -> list[Trial]:
    """As few boots as there can be. A fault that no test sees there, that ends the boot or after which the unit is not
    as before has one of its own, which decides."""
    waiting = [fault for fault in faults if _own(unit, fault)]
    done: dict[str, Trial] = {}
    for number in range(BROKEN_BOOTS + 1):
        if not waiting:
            break
        told = _together(unit, waiting, folder / f"{unit}-together-{number}")
        done.update((trial.fault, trial) for trial in told if trial.seen)
        waiting = waiting[len(told) + 1 :]  # the one after those ended it
    others = [fault for fault in faults if fault not in done]
    done.update((fault, _alone(unit, fault, folder / f"{unit}-{fault}")) for fault in others)
    print(f"{unit}: {len(faults) - len(others)} faults together, alone: {', '.join(others) or 'none'}", flush=True)
    return [done[fault] for fault in faults]


def run_all(folder: Path, faults: list[str], jobs: int) -> list[Trial]:
    """The same as boot_each() in two boots, and one for each fault that needs it."""
    pairs = _pairs(faults)
    of_units = [(unit, [fault for other, fault in pairs if other == unit]) for unit in UNITS]
    with ThreadPoolExecutor(jobs) as pool:
        trials = []
        for found in pool.map(lambda pair: _of_unit(pair[0], pair[1], folder), of_units):
            print(*found, sep="\n", flush=True)
            trials += found
    return trials


def differences(folder: Path, faults: list[str], jobs: int) -> list[str]:
    """Faults whose tests have other verdicts together than in a boot of their own. Together they are in the order that
    is given, and in the opposite one."""
    out = []
    alone = boot_each(folder / "alone", faults, jobs)
    for order in ("forward", "backward"):
        for unit in UNITS:
            usual = [trial for trial in alone if trial.unit == unit and trial.fault not in FATAL]
            usual = usual if order == "forward" else usual[::-1]
            found = {t.fault: t for t in _together(unit, [t.fault for t in usual], folder / f"{unit}-{order}")}
            for trial in usual:
                told = found[trial.fault].verdicts if trial.fault in found else "no verdict"
                if told != trial.verdicts:
                    out.append(f"{unit} {trial.fault}, {order}: {told}, and in a boot of its own {trial.verdicts}")
    return out


def _report(trials: list[Trial]) -> int:
    missed = [trial for trial in trials if not trial.seen]
    print(f"{len(trials) - len(missed)} of {len(trials)} faults seen")
    return EXIT_FAIL if missed else EXIT_OK


def main(words: list[str]) -> int:
    """The exit code."""
    folder = paths.BUILD / "results-unit-faults"
    shutil.rmtree(folder, ignore_errors=True)
    jobs = os.cpu_count() or 1
    how = words[0] if words and words[0].startswith("--") else ""
    faults = (words[1:] if how else words) or EVERY
    if how == "--every-test":
        survivors = never_failed(folder, faults, jobs)
        for unit, names in survivors.items():
            print(f"{unit}: {len(names)} tests that no fault makes fail{': ' if names else ''}{', '.join(names)}")
        return EXIT_FAIL if any(survivors.values()) else EXIT_OK
    if how == "--compare":
        found = differences(folder, faults, jobs)
        print(*found, f"{len(found)} differences", sep="\n")
        return EXIT_FAIL if found else EXIT_OK
    return _report((boot_each if how == "--boot-each" else run_all)(folder, faults, jobs))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
