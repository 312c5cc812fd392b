# SPDX-License-Identifier: MIT
"""A step of `make test`: on both units that the image drives itself, the tests see each step that it leaves out.

`python3 -m pvtest.gate.unit_faults [FAULT...]` runs some of them.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pvtest import paths
from pvtest.errors import EXIT_FAIL, EXIT_OK
from pvtest.gate import baseline, inputs
from pvtest.machine import boots, from_options, qemu
from pvtest.machine.guest_process import Limits, Observer
from pvtest.plan.devices import UNITS
from pvtest.report import json_writer
from pvtest.stream.model import Verdict

# The faults of drivers/units/unit_faults.c, and the requirements of which a test must see each.
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
}
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


def _try(unit: str, fault: str, folder: Path) -> Trial:
    tests, known = from_options.load(unit)
    booted = qemu.probe(unit=unit)
    file = inputs.of_unit(unit, booted.version)
    excused = baseline.load(file).known if file else ()
    wanted = set(FAULTS[fault].split())
    usable = [i for i in booted.devices.on(tests.instances) if i.device == DEVICE and "abi" not in i.test.kinds]
    usable = [i for i in usable if i.tier == "quick" and not any(entry.matches(i.id) for entry in excused)]
    own = [i for i in usable if wanted & set(i.test.requirements)]
    request = boots.Request(
        catalogue=tests,
        requirements=known,
        selected=own + [i for i in usable if i not in own],
        qemu=booted,
        stop_at=frozenset(i.id for i in own),
        unit_fault=fault,
        limits=Limits(),
        restarts=0,
    )
    folder.mkdir(parents=True)
    run = boots.run(request, folder, Observer())
    (folder / "results.json").write_text(json.dumps(json_writer.document(run)), encoding="utf-8")
    bad = [result.instance.id for result in run.results if result.verdict is Verdict.FAIL]
    names = {i.id for i in own}
    return Trial(
        unit,
        fault,
        tuple(name for name in bad if name in names),
        tuple(name for name in bad if name not in names),
        run.problems[0] if run.problems else "",
    )


def run_all(folder: Path, faults: list[str], jobs: int) -> list[Trial]:
    """Every fault on every unit."""
    pairs = [(unit, fault) for fault in faults for unit in UNITS]
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
    trials = run_all(folder, words or list(FAULTS), os.cpu_count() or 1)
    missed = [trial for trial in trials if not trial.seen]
    print(f"{len(trials) - len(missed)} of {len(trials)} faults seen")
    return EXIT_FAIL if missed else EXIT_OK


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
