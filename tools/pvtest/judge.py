# SPDX-License-Identifier: MIT
"""Compares what the stream reports with what the runner asked for. Only here is a verdict made from a stream."""

from __future__ import annotations

from dataclasses import dataclass, field

from pvtest.catalogue import Instance
from pvtest.model import TestResult, Verdict
from pvtest.tap import Point, TapParser
from pvtest.yamlblock import YamlError, number

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


def _result(instance: Instance, point: Point, problems: list[str]) -> TestResult:
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
        where=yaml.get("where", ""),
        observation=yaml.get("observation", ""),
        details={key: value for key, value in yaml.items() if key not in _KNOWN_KEYS},
        crash=point.crash,
    )


def _worst(rounds: list[TestResult], seed: int) -> TestResult:
    """One result for all rounds of --repeat: that of the first round that was worst."""
    order = [Verdict.PASS, Verdict.SKIP, Verdict.FAIL, Verdict.ERROR]
    index, worst = max(enumerate(rounds), key=lambda item: (order.index(item[1].verdict), -item[0]))
    worst.seed = seed + index  # the guest adds the number of the round to the seed
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


def _guilty(tap: TapParser, missing: list[Instance], why: str) -> list[TestResult]:
    """Of the instances that never reported, one was running; the rest did not run."""
    running = next((i for i in missing if i.id == tap.running), missing[0] if missing and tap.started else None)
    if tap.started and tap.end is not None:
        running = None  # the guest went on to its end, so nobody was interrupted
    results = []
    for instance in missing:
        if instance is running:
            results.append(TestResult(instance, Verdict.ERROR, f"was running when {why}", crash=tap.crash))
        else:
            results.append(TestResult(instance, Verdict.ERROR, f"did not run: {why}" if why else "was not reported"))
    return results


def _check_plan(tap: TapParser, wanted: int, problems: list[str]) -> None:
    if tap.planned is not None and tap.planned != wanted and not tap.bailed:
        problems.append(f"plan mismatch: the guest planned {tap.planned} tests, {wanted} were asked for")


def judge(tap: TapParser, selected: list[Instance], interruption: str, seed: int = 1, repeat: int = 1) -> Judgement:
    """`interruption`: why the stream ended before its time, in words that follow 'when', or empty."""
    tap.finish()
    out = Judgement(problems=list(tap.problems))
    if tap.problem_count > len(tap.problems):
        out.problems.append(f"... and {tap.problem_count - len(tap.problems)} more of these")
    if interruption:
        out.problems.insert(0, f"the run broke off: {interruption}")
    _check_plan(tap, len(selected) * repeat, out.problems)

    rounds: dict[str, list[TestResult]] = {instance.id: [] for instance in selected}
    by_id = {instance.id: instance for instance in selected}
    for point in tap.points:
        if point.id not in by_id:
            out.problems.append(f"unknown test '{point.id[:80]}' in the stream")
        elif len(rounds[point.id]) == repeat:
            out.problems.append(f"duplicate result of test {point.id}")
        else:
            rounds[point.id].append(_result(by_id[point.id], point, out.problems))
    missing = [instance for instance in selected if len(rounds[instance.id]) < repeat]
    if tap.end is not None and not tap.bailed:
        _check_end(tap, [result for found in rounds.values() for result in found], out.problems)
        if missing:
            out.problems.append(f"{len(missing)} planned tests were not reported")
    why = interruption or ("the guest gave up" if tap.bailed else "the stream stopped" if tap.end is None else "")
    for late in _guilty(tap, missing, why):
        rounds[late.instance.id].append(late)
    out.results = [_worst(rounds[instance.id], seed) for instance in selected]
    if tap.points and all(result.verdict is Verdict.SKIP for result in out.results):
        out.problems.append("every selected test was skipped, so nothing was verified")
    out.problems = _bounded(out.problems)
    return out


def _bounded(problems: list[str], limit: int = 12) -> list[str]:
    if len(problems) <= limit:
        return problems
    return [*problems[:limit], f"... and {len(problems) - limit} more"]
