# SPDX-License-Identifier: MIT
"""Effects of a profile and a baseline on a run: excused failures, and shortcomings that no test reports."""

from __future__ import annotations

import datetime
from fnmatch import fnmatchcase

from pvtest.gate.baseline import Baseline, Known
from pvtest.gate.profiles import KINDS, Profile
from pvtest.images.catalogue import CLASSES, Catalogue
from pvtest.stream.coverage import coverage
from pvtest.stream.model import Finding, Gate, Run, Verdict
from pvtest.stream.yaml_block import YamlError, number

# The sets of tests/harness/declare.h: all classes but these.
READING = frozenset(CLASSES) - {"rocker"}
DEFERRED = frozenset(CLASSES) - {"rocker", "nvme"}
BAD = (Verdict.FAIL, Verdict.ERROR)


def _capabilities(run: Run, profile: Profile) -> list[Finding]:
    out = []
    for wanted in profile.capabilities:
        told = run.capabilities.get(wanted.field)
        why = f" ({wanted.why})" if wanted.why else ""
        if told is None:
            text = f"the host does not report {wanted.field}, which the profile needs{why}"
            out.append(Finding("capability", wanted.field, text))
            continue
        try:
            broken = wanted.broken(number(told))
        except YamlError:
            broken = ["a number"]
        if broken:
            text = f"the host reports {wanted.field}={told}; the profile needs {', '.join(broken)}{why}"
            out.append(Finding("capability", wanted.field, text))
    return out


def _kinds(run: Run) -> set[str]:
    """The kinds of devices that the run had."""
    usable = [device for device in run.devices if not device.get("unusable")]
    classes = {device.get("class", "") for device in usable}
    # A controller whose medium is not to be touched has nothing to write what it read to.
    reading = {device.get("class", "") for device in usable if device.get("medium") != "untouched"}
    found = {
        "any": bool(usable),
        "two": len(usable) > 1,
        "write": bool(classes & set(CLASSES)),
        "read": bool(reading & READING),
        "deferred": bool(classes & DEFERRED),
    }
    return {name for name, there in found.items() if there}


def _devices(run: Run, profile: Profile) -> list[Finding]:
    present = {device.get("class", "") for device in run.devices}
    kinds = _kinds(run)
    return [
        Finding("device", name, f"no {KINDS[name]}, which the profile needs")
        for name in profile.needs
        if name not in kinds
    ] + [
        Finding("device", glob, f"no device of class {glob}, which the profile needs")
        for glob, demand in profile.devices
        if demand == "mandatory" and not any(fnmatchcase(name, glob) for name in present)
    ]


def not_verified(run: Run, demands: dict[str, str]) -> list[Finding]:
    """A mandatory requirement is verified when one of its tests ran. That all were skipped, or that the selection has
    none of them, fails. A shard says nothing of the whole; merge judges that."""
    if run.shard:
        return []
    out = []
    for entry in coverage(run):
        if demands.get(entry.requirement.id) != "mandatory":
            continue
        if entry.verdict == "skip":
            text = f"mandatory, but all its tests were skipped ({', '.join(entry.tests)}): {entry.reason}"
            out.append(Finding("not-verified", entry.requirement.id, text))
        elif entry.verdict == "not-run":
            out.append(Finding("not-verified", entry.requirement.id, "mandatory, but none of its tests was selected"))
    return out


def _advisory(run: Run, profile: Profile) -> dict[str, str]:
    """Failing tests all of whose requirements are advisory."""
    out = {}
    for result in run.results:
        demands = {profile.demand(run.requirements[name]) for name in result.instance.test.requirements}
        if result.verdict is Verdict.FAIL and demands == {"advisory"}:
            ids = " ".join(result.instance.test.requirements)
            out[result.instance.id] = f"{ids} is advisory in profile {profile.name}"
    return out


def _of_entry(run: Run, entry: Known, excused: dict[str, str], unexpected: list[Finding]) -> None:
    for result in run.results:
        if not entry.matches(result.instance.id):
            continue
        if result.verdict.value == entry.verdict or result.verdict is Verdict.FAIL:
            excused.setdefault(result.instance.id, entry.reason)
        elif result.verdict is Verdict.PASS and not entry.sometimes:
            text = f"passes, but the baseline knows it as failing ({entry.reason}); remove the entry"
            unexpected.append(Finding("unexpected-pass", result.instance.id, text))


def _baseline(run: Run, baseline: Baseline, catalogue: Catalogue, today: datetime.date, gate: Gate) -> None:
    exists = {instance.id for instance in catalogue.instances}
    for entry in baseline.known:
        where = f"{baseline.path}:{entry.line}" if entry.line else baseline.path
        if entry.expired(today):
            text = f"the entry expired on {entry.until} ({where}: {entry.reason})"
            gate.findings.append(Finding("expired", entry.test, text))
            continue
        if not any(entry.matches(name) for name in exists):
            text = f"known as failing ({where}), but there is no such test any more"
            gate.findings.append(Finding("vanished", entry.test, text))
            continue
        _of_entry(run, entry, gate.excused, gate.findings)
    for name in baseline.tests:
        if name not in exists:
            text = f"recorded in {baseline.path}, but there is no such test any more"
            gate.findings.append(Finding("vanished", name, text))


def apply(
    run: Run,
    profile: Profile | None = None,
    baseline: Baseline | None = None,
    today: datetime.date | None = None,
) -> None:
    """Fills run.gate. `today` decides which entries of the baseline have expired."""
    gate = Gate()
    if profile is not None:
        gate.profile = {"name": profile.name, "version": profile.version, "title": profile.title}
        gate.demands = {item.id: profile.demand(item) for item in run.requirements.items}
        gate.findings += _capabilities(run, profile) + _devices(run, profile)
        gate.findings += not_verified(run, gate.demands)
        gate.excused.update(_advisory(run, profile))
    if baseline is not None:
        gate.baseline = baseline.path
        # UTC, so that two machines agree.
        _baseline(run, baseline, run.catalogue, today or datetime.datetime.now(datetime.timezone.utc).date(), gate)
    run.gate = gate
