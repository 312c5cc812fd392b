# SPDX-License-Identifier: MIT
"""A step of `make test`: on both units that the image drives itself, the tests see each step that it leaves out.

`python3 -m pvtest.gate.unit_faults [FAULT...]` runs some of them. With `--every-test` each of them meets every test of
its unit, and the tests that none of them makes fail are listed: 9 minutes on two cores.
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
from pvtest.images.catalogue import Catalogue, Instance
from pvtest.images.requirements import Requirements
from pvtest.machine import boots, from_options, qemu
from pvtest.machine.guest_process import Limits, Observer
from pvtest.plan.devices import UNITS
from pvtest.report import json_writer
from pvtest.stream.model import Run, Verdict

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


@dataclass(frozen=True)
class Trial:
    """One boot."""

    unit: str
    fault: str
    seen: tuple[str, ...]  # tests of its own requirements that failed
    others: tuple[str, ...]
    problem: str = ""

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


def _run(unit: str, fault: str, folder: Path, every_test: bool = False) -> tuple[Run, list[Instance]]:
    """One boot, and the instances of the fault's requirements; it ends at the first of these that fails."""
    tests, known, booted, usable = _prepared(unit)
    wanted = set((FAULTS | VIRTIO_FAULTS).get(fault, "").split())
    own = [i for i in usable if wanted & set(i.test.requirements)]
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


def _try(unit: str, fault: str, folder: Path) -> Trial:
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
    )


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


def run_all(folder: Path, faults: list[str], jobs: int) -> list[Trial]:
    """Every fault on every unit that can have it: some are of one unit alone."""
    pairs = _pairs(faults)
    with ThreadPoolExecutor(jobs) as pool:
        trials = []
        for trial in pool.map(lambda pair: _try(pair[0], pair[1], folder / "-".join(pair)), pairs):
            print(trial, flush=True)
            trials.append(trial)
    return trials


def main(words: list[str]) -> int:
    """The exit code."""
    folder = paths.BUILD / "results-unit-faults"
    shutil.rmtree(folder, ignore_errors=True)
    jobs = os.cpu_count() or 1
    if words[:1] == ["--every-test"]:
        survivors = never_failed(folder, words[1:] or EVERY, jobs)
        for unit, names in survivors.items():
            print(f"{unit}: {len(names)} tests that no fault makes fail{': ' if names else ''}{', '.join(names)}")
        return EXIT_FAIL if any(survivors.values()) else EXIT_OK
    trials = run_all(folder, words or EVERY, jobs)
    missed = [trial for trial in trials if not trial.seen]
    print(f"{len(trials) - len(missed)} of {len(trials)} faults seen")
    return EXIT_FAIL if missed else EXIT_OK


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
