# SPDX-License-Identifier: MIT
"""Compares what the stream reports with what the runner asked for. Only here is a verdict made from a stream."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from pvtest.counted import counted
from pvtest.images.catalogue import Instance
from pvtest.stream.model import DID_NOT_RUN, NOT_REPORTED, TestResult, Verdict
from pvtest.stream.tap import Point, TapParser
from pvtest.stream.yaml_block import YamlError, number

DECIDED_AT = ", decided at "  # between the declaration of a test and its check

_KNOWN_KEYS = (
    "verdict",
    "message",
    "expected",
    "actual",
    "where",
    "duration_us",
    "observation",
    "requirements",
    "promise",
)


@dataclass
class Judgement:
    """Results in the order of the selection, and what is wrong with the whole."""

    results: list[TestResult] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass
class Reading:
    """The results of one boot for the instances it was asked for."""

    rounds: dict[str, list[TestResult]]
    problems: list[str]
    missing: list[Instance]  # in the order of the run, each once
    guilty: TestResult | None = None  # the one of them that was running when the stream ended
    why: str = ""  # the stream ended before its time; empty = it did not
    stopped: bool = False  # a test failed that was to end the run: those after it have no result

    @property
    def whole(self) -> bool:
        """Nothing is left that another boot could still report."""
        return not self.missing or not self.why


def _result(instance: Instance, point: Point, seed: int, problems: list[str]) -> TestResult:
    yaml = point.yaml
    verdict, reason = Verdict.PASS, yaml.get("message", "")
    if point.directive == "SKIP":
        verdict, reason = Verdict.SKIP, point.reason or "no reason given"
        if not point.ok:
            problems.append(f"test {instance.id} is 'not ok' and skipped at once")
    elif not point.ok:
        try:
            verdict = {"fail": Verdict.FAIL, "error": Verdict.ERROR}[yaml.get("verdict", "")]
        except KeyError:
            verdict = Verdict.ERROR
            reason = f"'not ok' without a verdict of fail or error. {reason}".strip()
    try:
        duration = number(yaml.get("duration_us", "0"))
    except YamlError as error:
        duration = 0
        problems.append(f"test {instance.id}: duration_us: {error}")
    return TestResult(
        instance=instance,
        verdict=verdict,
        reason=reason,
        duration_us=duration,
        expected=yaml.get("expected", ""),
        actual=yaml.get("actual", ""),
        where=_where(instance, yaml.get("where", "")),
        observation=yaml.get("observation", ""),
        seed=seed,
        details={key: value for key, value in yaml.items() if key not in _KNOWN_KEYS},
        crash=point.crash,
        transcript=point.transcript,
    )


def _where(instance: Instance, check: str) -> str:
    """The declaration, and the check that decided; often that is one of a fixture. Empty where no check did."""
    return f"{instance.test.where}{DECIDED_AT}{check}" if check else ""


def _worst(rounds: list[TestResult]) -> TestResult:
    """One result for all rounds of --repeat: that of the first round that was worst."""
    order = [Verdict.PASS, Verdict.SKIP, Verdict.FAIL, Verdict.ERROR]
    index, worst = max(enumerate(rounds), key=lambda item: (order.index(item[1].verdict), -item[0]))
    worst.rounds = len(rounds)
    worst.duration_us = sum(result.duration_us for result in rounds) // len(rounds)
    if worst.verdict in (Verdict.FAIL, Verdict.ERROR) and len(rounds) > 1:
        bad = sum(result.verdict is worst.verdict for result in rounds)
        worst.reason += f" ({bad} of {len(rounds)} rounds, first in round {index + 1})"
    return worst


def _check_end(tap: TapParser, results: list[TestResult], problems: list[str]) -> None:
    """The end line repeats the counts, so that a lost line cannot go unseen."""
    for key, verdict in (
        ("pass", Verdict.PASS),
        ("fail", Verdict.FAIL),
        ("error", Verdict.ERROR),
        ("skip", Verdict.SKIP),
    ):
        counted = sum(result.verdict is verdict for result in results)
        told = (tap.end or {}).get(key, "nothing")
        if told != str(counted):
            problems.append(f"the end line says {key}={told}, the stream has {counted}")


def _guilty(tap: TapParser, missing: list[Instance], why: str, seed: int) -> TestResult | None:
    """The instance that was running when the stream ended, as far as the stream tells."""
    if not tap.started or tap.end is not None or not missing:
        return None  # no test was running: the guest never began, or went on to its end
    running = next((instance for instance in missing if instance.id == tap.running), None)
    if running is None and tap.bailed and not tap.points and not tap.crash:
        return None  # the guest refused to begin
    # Between two tests the next one of the plan is named, so that another boot gets past this place.
    guilty, words = (
        (running, "was running") if running else (missing[0], "was next" if tap.announces else "was running")
    )
    return TestResult(guilty, Verdict.ERROR, f"{words} when {why}", seed=seed, crash=tap.crash)


def _check_plan(tap: TapParser, wanted: int, problems: list[str]) -> None:
    if tap.planned is not None and tap.planned != wanted and not tap.bailed:
        problems.append(f"plan mismatch: the guest planned {counted(tap.planned, 'test')}, {wanted} were asked for")


def _take(
    tap: TapParser, selected: list[Instance], seed: int, repeat: int, problems: list[str]
) -> dict[str, list[TestResult]]:
    rounds: dict[str, list[TestResult]] = {instance.id: [] for instance in selected}
    by_id = {instance.id: instance for instance in selected}
    for point in tap.points:
        if point.id not in by_id:
            problems.append(f"unknown test '{point.id[:80]}' in the stream")
        elif len(rounds[point.id]) == repeat:
            problems.append(f"duplicate result of test {point.id}")
        else:
            # The guest adds the number of the round to the seed.
            round_seed = seed + len(rounds[point.id])
            rounds[point.id].append(_result(by_id[point.id], point, round_seed, problems))
    return rounds


def _check_order(tap: TapParser, selected: list[Instance], problems: list[str]) -> None:
    """Checks the order: the rest of a boot follows from it, and a shuffled order is part of the request."""
    for place, point in enumerate(tap.points):
        wanted = selected[place % len(selected)].id
        if point.id != wanted:
            problems.append(f"result {place + 1} is of {point.id[:80]}, but the turn was that of {wanted}")
            return


def _stopped(tap: TapParser, stop_at: Collection[str], problems: list[str]) -> bool:
    """Did the guest end the run as it was asked to? It says so after a FAIL of one of `stop_at`."""
    if "stopped" not in tap.facts:
        return False
    last = tap.points[-1] if tap.points else None
    if last is not None and last.id in stop_at and not last.ok and last.yaml.get("verdict") == "fail":
        return True
    problems.append(f"the guest stopped after {last.id[:80] if last else 'no test'}, which was not to end the run")
    return False


def read(
    tap: TapParser,
    selected: list[Instance],
    interruption: str,
    seed: int = 1,
    repeat: int = 1,
    stop_at: Collection[str] = (),
) -> Reading:  # pylint: disable=too-many-arguments
    """`interruption`: why the stream ended before its time, in words that follow 'when', or empty. `stop_at`: ids of
    instances of which a FAIL may end the run."""
    tap.finish()
    problems = list(tap.problems)
    if tap.problem_count > len(tap.problems):
        problems.append(f"... and {tap.problem_count - len(tap.problems)} more of these")
    if interruption:
        problems.insert(0, f"the run broke off: {interruption}")
    _check_plan(tap, len(selected) * repeat, problems)
    rounds = _take(tap, selected, seed, repeat, problems)
    _check_order(tap, selected, problems)
    # The guest runs round by round, so that those with fewer results come after the others.
    missing = [instance for instance in selected if len(rounds[instance.id]) < repeat]
    missing.sort(key=lambda instance: len(rounds[instance.id]))
    stopped = _stopped(tap, stop_at, problems)
    if stopped:
        missing = []
    if tap.end is not None and not tap.bailed:
        _check_end(tap, [result for found in rounds.values() for result in found], problems)
        if missing:
            problems.append(f"{len(missing)} planned tests were not reported")
    gave_up = f"the guest gave up: {tap.bailed[:200]}" if tap.bailed else ""
    why = interruption or gave_up or ("the stream stopped" if tap.end is None else "")
    reading = Reading(rounds, problems, missing, why=why, stopped=stopped)
    reading.guilty = _guilty(tap, missing, why, seed + (min(map(len, rounds.values())) if rounds else 0))
    return reading


def combine(readings: list[Reading], selected: list[Instance], left: str) -> Judgement:
    """All boots of one machine together. `left`: why an instance without any result did not run. If a failure ended
    the run as it was to, those after it are left out."""
    out = Judgement()
    last = readings[-1]
    owed = {instance.id for instance in last.missing}
    for instance in selected:
        rounds = [result for reading in readings for result in reading.rounds.get(instance.id, [])]
        rounds += [r.guilty for r in readings if r.guilty is not None and r.guilty.instance is instance]
        if not rounds and last.stopped:
            continue
        if not rounds or instance.id in owed and not any(r.guilty and r.guilty in rounds for r in readings):
            why = f"{DID_NOT_RUN}: {left}" if left else NOT_REPORTED
            rounds.append(TestResult(instance, Verdict.ERROR, why))
        out.results.append(_worst(rounds))
    return out


def check_verified(out: Judgement, transfers: bool = True) -> None:
    """A run in which nothing was verified is no good run. Nor is one that moved no data, unless it was asked for by a
    selection without any device class; a failure says enough. `transfers` False: the host may be one on which none can
    run."""
    if out.results and all(result.verdict is Verdict.SKIP for result in out.results):
        out.problems.append("every selected test was skipped, so nothing was verified")
        return
    on_devices = [result for result in out.results if result.instance.device]
    failed = any(result.verdict in (Verdict.FAIL, Verdict.ERROR) for result in out.results)
    if transfers and on_devices and not failed and all(result.verdict is Verdict.SKIP for result in on_devices):
        out.problems.append(
            "pass without DMA, which was not asked for: every selected test on a device was skipped; --class none"
            " selects the tests that need no device"
        )


def judge(tap: TapParser, selected: list[Instance], interruption: str, seed: int = 1, repeat: int = 1) -> Judgement:
    """A run of one boot."""
    reading = read(tap, selected, interruption, seed, repeat)
    out = combine([reading], selected, reading.why)
    check_verified(out)
    out.problems = bounded(reading.problems + out.problems)
    return out


def bounded(problems: list[str], limit: int = 12) -> list[str]:
    """The first few, and the number of the others."""
    if len(problems) <= limit:
        return problems
    return [*problems[:limit], f"... and {len(problems) - limit} more"]
