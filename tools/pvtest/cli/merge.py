# SPDX-License-Identifier: MIT
"""`./run.sh merge DIR...`: the results of all shards of one plan become the results of one run.

Soaks have no shards: the work of several is added up."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pvtest import interrupts, json_file
from pvtest.errors import UsageError
from pvtest.gate import rules, soak
from pvtest.gate.inputs import load_gate
from pvtest.images.catalogue import Catalogue
from pvtest.machine.terminal import terminal
from pvtest.plan import shard
from pvtest.report import json_reader, summary
from pvtest.report.folder import ResultsFolder
from pvtest.stream import guest_log
from pvtest.stream.coverage import unit_of
from pvtest.stream.model import Gate, Run, Timing
from pvtest.stream.trials import Trials

# name of the file -> format, and the key of the entries
CAMPAIGNS = {"defects": "pvtest-defects", "variants": "pvtest-variants"}


def _same(paths: list[Path], values: list[Any], what: str) -> None:
    for path, value in zip(paths[1:], values[1:]):
        if value != values[0]:
            raise UsageError(f"{path}: {what} is {value!r:.200}, but in {paths[0]} it is {values[0]!r:.200}")


def _sorted(paths: list[Path], shards: list[str], what: str) -> list[int]:
    """The order of the shards; refuses all but one whole set."""
    seen: dict[int, Path] = {}
    count = 0
    for path, text in zip(paths, shards):
        if not text:
            raise UsageError(f"{path}: {what} was not made with --shard")
        index, of = (int(word) for word in text.split("/"))
        if index > of:
            raise UsageError(f"{path}: shard {text} does not exist")
        if count not in (0, of):
            raise UsageError(f"{path}: is shard {text}, but {paths[0]} is shard {shards[0]}")
        if index in seen:
            raise UsageError(f"{path}: is shard {text}, and so is {seen[index]}")
        seen[index], count = path, of
    missing = [f"{index}/{count}" for index in range(1, count + 1) if index not in seen]
    if missing:
        raise UsageError(f"shard {', '.join(missing)} is missing: a whole needs all of its parts")
    return sorted(range(len(paths)), key=lambda place: int(shards[place].split("/")[0]))


def _gates(runs: list[Run], merged: Run) -> Gate:
    out = Gate(profile=runs[0].gate.profile, baseline=runs[0].gate.baseline, demands=runs[0].gate.demands)
    for run in runs:
        out.excused.update(run.gate.excused)
        out.findings += [finding for finding in run.gate.findings if finding not in out.findings]
    # Whether all is verified that has to be is a question to the whole.
    out.findings = [finding for finding in out.findings if finding.kind != "not-verified"]
    out.findings += rules.not_verified(merged, out.demands)
    return out


def _total(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _guest_log(runs: list[Run]) -> guest_log.GuestLog | None:
    logs = [run.guest_log for run in runs if run.guest_log is not None]
    return guest_log.join(logs) if logs else None


def merge_runs(paths: list[Path], runs: list[Run]) -> Run:
    """One run from all shards; `paths` for messages."""
    order = _sorted(paths, [run.shard for run in runs], "this run")
    comparable: dict[str, Callable[[Run], Any]] = {
        "the version of the suite": lambda run: run.versions["guest"],
        "the version of the host": lambda run: run.versions["host"],
        "the version of QEMU": lambda run: run.versions["qemu"],
        "the machine": lambda run: run.machine,
        "the seed": lambda run: run.seed,
        "the number of rounds": lambda run: run.repeat,
        "the list of options": lambda run: run.flags,
        "the list of defects": lambda run: [defect.name for defect in run.defects],
        "the list of variants": lambda run: [variant.name for variant in run.variants],
        "the digest of the plan": lambda run: run.plan,
        "the list of requirements": lambda run: run.requirements.ids,
        "the profile": lambda run: run.gate.profile,
        "the baseline": lambda run: run.gate.baseline,
    }
    for what, value in comparable.items():
        _same(paths, [value(run) for run in runs], what)
    runs = [runs[place] for place in order]
    first = runs[0]
    results = shard.join([run.results for run in runs])
    if shard.digest(sorted(result.instance.id for result in results)) != first.plan:
        raise UsageError("the shards together are not what their plan says: tests are missing, or do not belong to it")
    tests = dict.fromkeys(test for run in runs for test in run.catalogue.tests)
    merged = dataclasses.replace(
        first,
        catalogue=Catalogue(tuple(tests), first.catalogue.version),
        selected=[result.instance for result in results],
        results=results,
        problems=[f"shard {run.shard}: {problem}" for run in runs for problem in run.problems],
        timing=Timing(
            sum(run.timing.total for run in runs),
            first.timing.to_first_line,
            _total([run.timing.tests for run in runs]),
            first.timing.firmware_to_first_test_us,
            first.timing.buses_up_us,
            first.timing.buses,
        ),
        started=min(run.started for run in runs),
        command=sys.argv[1:],
        boots=[boot for run in runs for boot in run.boots],
        crashes=[crash for run in runs for crash in run.crashes],
        guest_log=_guest_log(runs),
        covered=frozenset(name for run in runs for name in run.covered or ()),
        rounds_before=0,
        shard="",
        plan="",
    )
    merged.gate = _gates(runs, merged)
    return merged


def merge_campaigns(name: str, paths: list[Path], documents: list[dict[str, Any]]) -> dict[str, Any]:
    """One defects.json or variants.json from all shards."""
    order = _sorted(paths, [document["shard"] for document in documents], "this campaign")
    for key in ("seed", "plan", "versions"):
        _same(paths, [document[key] for document in documents], key)
    _same(paths, [document.get("matrix", True) for document in documents], "the extent of its runs (--matrix)")
    documents = [documents[place] for place in order]
    entries = shard.join([document[name] for document in documents])
    names = [entry[name.removesuffix("s")] for entry in entries]
    if shard.digest(sorted(names)) != documents[0]["plan"]:
        raise UsageError(
            "the shards together are not what their plan says: entries are missing, or do not belong to it"
        )
    # Counted again: the entries are what was found, whatever a summary says of them.
    trials = Trials(name, tuple(entries))
    return {
        **documents[0],
        "exit_code": trials.exit_code,
        "summary": trials.summary,
        **({"single_test": trials.single_tests} if "single_test" in documents[0] else {}),
        name: entries,
        "shard": "",
    }


def _campaign(folders: list[Path]) -> tuple[str, dict[str, Any]] | None:
    """The merged campaign, where the shards are of one."""
    for name, form in CAMPAIGNS.items():
        found = [json_file.find(folder, f"{name}.json", "results.json") for folder in folders]
        mine = [path.name == f"{name}.json" for path in found]
        if all(mine):
            return name, merge_campaigns(name, found, [json_file.load(path, form) for path in found])
        if any(mine):
            raise UsageError(f"{found[mine.index(False)].parent}: no {name}.json, but others have one")
    return None


def main(options: argparse.Namespace) -> int:
    """Reads and checks everything before it writes anything."""
    folders: list[Path] = options.folders
    out = terminal(options)
    soaked = soak.merge_folders(folders, options.results, out)
    if soaked is not None:
        return soaked
    campaign = _campaign(folders)
    paths = [json_file.find(folder, "results.json") for folder in folders]
    runs = [json_reader.load(path) for path in paths]
    if campaign is None:
        run = merge_runs(paths, runs)
    else:
        # Each shard of a campaign begins with the same plain run; the worst of them speaks for all.
        run = max(runs, key=lambda run: run.own_exit_code)
        run.trials = Trials(campaign[0], tuple(campaign[1][campaign[0]]))
    profile, baseline = load_gate(options, run.requirements, unit_of(run))
    if profile is not None or baseline is not None:
        rules.apply(run, profile, baseline)
    with interrupts.deferred(), ResultsFolder(options.results) as folder:
        folder.write_run(run)
        if campaign is not None:
            folder.write_json(f"{campaign[0]}.json", campaign[1])
        where = folder.publish()
    summary.show(run, out, where, False)
    return run.exit_code
