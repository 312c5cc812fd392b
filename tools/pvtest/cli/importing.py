# SPDX-License-Identifier: MIT
"""`./run.sh import FILE`: a stream that no runner watched becomes a run with every format.

The file is `results.tap` from the boot volume of a machine that ran alone, or what came over a COM1.
"""

from __future__ import annotations

import argparse
import datetime
import sys
from pathlib import Path

from pvtest import interrupts
from pvtest.errors import UsageError
from pvtest.gate import rules
from pvtest.gate.inputs import load_gate
from pvtest.images import catalogue, requirements
from pvtest.images.catalogue import Catalogue, Instance
from pvtest.images.requirements import Requirements
from pvtest.machine.terminal import terminal
from pvtest.report import summary
from pvtest.report.folder import ResultsFolder
from pvtest.stream import symbols
from pvtest.stream.coverage import unit_of
from pvtest.stream.judge import bounded, check_verified, combine, read
from pvtest.stream.lines import LineAssembler
from pvtest.stream.model import Boot, Run, Timing
from pvtest.stream.tap import TapParser
from pvtest.stream.yaml_block import YamlError, number

STREAM = "results.tap"
MAX_STREAM = 512 << 20  # bytes of a file that is imported: those of more than a thousand rounds
FINISHED = "all tests had run"  # as the image words the end of its last boot


def parse(path: Path) -> TapParser:
    """The stream in that file, or in that folder."""
    path = path / STREAM if path.is_dir() else path
    try:
        with path.open("rb") as file:
            data = file.read(MAX_STREAM + 1)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    if len(data) > MAX_STREAM:
        raise UsageError(f"{path}: larger than {MAX_STREAM >> 20} MiB, which no run writes")
    tap, lines = TapParser(), LineAssembler()
    for line in lines.feed(data) + lines.flush():
        tap.feed(line)
    if not tap.started:
        raise UsageError(f"{path}: no line 'TAP version 14'; give {STREAM} of a run, or what came over its COM1")
    return tap


def _whole(path: Path, tap: TapParser, key: str, otherwise: int) -> int:
    told = tap.fact("pvtest").get(key)
    try:
        return otherwise if told is None else number(told)
    except YamlError as error:
        raise UsageError(f"{path}: # pvtest: {key}: {error}") from None


def _selected(path: Path, tap: TapParser, known: Catalogue, rounds: int) -> list[Instance]:
    """The plan, as far as the stream tells: the plan has no names, but the results come in its order."""
    for tier in catalogue.TIERS:
        for usual in (known.within(tier), catalogue.without_slow_copies(known.within(tier))):
            if tap.planned == len(usual) * rounds:
                return list(usual)
    by_id = {instance.id: instance for instance in known.instances}
    named = list(dict.fromkeys(point.id for point in tap.points))
    unknown = [name for name in named if name not in by_id]
    if unknown:
        raise UsageError(f"{path}: '{unknown[0]:.80}' is no test of this suite (version {known.version})")
    if not named:
        raise UsageError(f"{path}: no result in it")
    return [by_id[name] for name in named]


def _boots(tap: TapParser) -> list[Boot]:
    out: list[Boot] = []
    before = 0
    for boot in tap.facts.get("boot", []):
        try:
            results = number(boot.get("results", "0"))
        except YamlError:
            continue
        end, guilty = boot.get("end", ""), boot.get("guilty", "none")
        out.append(
            Boot(
                reported=max(0, results - before),
                interruption="" if end == FINISHED else end,
                guilty="" if guilty == "none" else guilty,
            )
        )
        before = results
    return out


def run_of(path: Path, known: Catalogue, needs: Requirements) -> Run:
    """Everything that the stream tells, judged like one that a runner watched."""
    tap = parse(path)
    guest = tap.fact("pvtest")
    if tap.points and not guest and tap.end is None and not tap.bailed:
        raise UsageError(
            f"{path}: judged results, not what a machine said; give serial.log of that folder, "
            f"or {STREAM} of a machine that ran alone"
        )
    version = guest.get("version", known.version)
    if version != known.version:
        raise UsageError(f"{path}: was made by version {version}; this is version {known.version}")
    unit = tap.fact("iommu").get("name", "")
    known, needs = known.of(unit), needs.of(unit)
    seed, rounds = _whole(path, tap, "seed", 1), _whole(path, tap, "repeat", 1) or 1
    selected = _selected(path, tap, known, rounds)
    reading = read(tap, selected, "", seed, rounds)
    found = combine([reading], selected, reading.why)
    check_verified(found)
    for result in found.results:
        result.frames = symbols.resolve(result.crash, build=guest.get("build", ""))
    host = {**tap.fact("hypervisor"), **tap.fact("host")}
    seconds = sum(result.duration_us for result in found.results) / 1e6
    return Run(
        catalogue=known,
        requirements=needs,
        selected=selected,
        results=found.results,
        problems=bounded(reading.problems + found.problems),
        seed=seed,
        repeat=rounds,
        versions={"qemu": "none", "firmware": "unknown", "host": host.get("version", "unknown"), "guest": version},
        host=host,
        capabilities=tap.fact("pviommu"),
        devices=tap.facts.get("device", []),
        timing=Timing(total=seconds, tests=seconds),
        started=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        command=sys.argv[1:],
        boots=_boots(tap) or [Boot(len(tap.points))],
    )


def main(options: argparse.Namespace) -> int:
    """Reads and checks everything before it writes anything."""
    needs = requirements.load()
    run = run_of(options.stream, catalogue.load_tests(), needs)
    profile, baseline = load_gate(options, run.requirements, unit_of(run))
    rules.apply(run, profile, baseline)
    with interrupts.deferred(), ResultsFolder(options.results) as folder:
        folder.write_run(run)
        where = folder.publish()
    summary.show(run, terminal(options), where, options.verbose)
    return run.exit_code
