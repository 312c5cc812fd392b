# SPDX-License-Identifier: MIT
"""From the boots of a run to the result model."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pvtest import interrupts, paths
from pvtest.clean import printable
from pvtest.errors import MissingError
from pvtest.images import build_id, stories
from pvtest.images.pe import ImageError
from pvtest.machine.guest_process import Outcome
from pvtest.machine.qemu import device_counts
from pvtest.machine.request import Request
from pvtest.plan.devices import FUNCTIONS
from pvtest.stream import crash, guest_log, symbols
from pvtest.stream.judge import DECIDED_AT, Judgement, Reading, bounded, check_verified, combine
from pvtest.stream.model import Boot, Crash, Run, TestResult, Timing, Verdict
from pvtest.stream.tap import TapParser
from pvtest.stream.yaml_block import YamlError, number

ATTACHED = ("rocker", "edu", "nvme")  # device classes that the runner gives a machine


@dataclass
class Attempt:
    """One boot: what it was asked, what it left behind, and what that says."""

    request: Request
    outcome: Outcome
    reading: Reading
    folder: Path

    @property
    def advanced(self) -> bool:
        """Did a test begin? If none did, another boot would end the same way."""
        return bool(self.outcome.tap.points or self.outcome.tap.running)


@dataclass
class Lane:
    """The boots of one machine, one after the other."""

    request: Request
    attempts: list[Attempt]
    whole: bool  # nothing waits for another boot
    broken: str = ""  # why the boot after these could not even be tried

    @property
    def seconds(self) -> float:
        """Of all boots."""
        return sum(attempt.outcome.timing.total for attempt in self.attempts)

    @property
    def tests(self) -> float | None:
        """Seconds from the plans to the ends."""
        known = [attempt.outcome.timing.tests for attempt in self.attempts]
        return sum(seconds for seconds in known if seconds is not None) if any(known) else None

    def judge(self) -> Judgement:
        """The results of its tests from all its boots."""
        found = combine([attempt.reading for attempt in self.attempts], self.request.selected, self._left())
        for result in found.results:
            result.virtual_clock = self.request.virtual_clock
        return found

    def _left(self) -> str:
        """Why tests that never got a turn did not run."""
        last = self.attempts[-1].reading
        if self.broken:
            return self.broken
        if self.whole or len(self.attempts) == 1 and self.request.restarts == 0:
            return last.why
        if self.attempts[-1].advanced and last.guilty is not None:
            return f"{last.why}, and no restart was left (--restarts {self.request.restarts})"
        return last.why


REFERENCE_HOST = "refhost"
# Bytes of a text of abi/oracle.h without its end.
ORACLE_TEXT_MAX = {"defect": 47, "variant": 111}


def _too_few(tap: TapParser, wanted: dict[str, int]) -> list[str]:
    """Some devices of a class are gone; where all of them are, another sentence says so."""
    found = Counter(device.get("class") for device in tap.facts.get("device", []))
    return [
        f"the guest found {found[name]} devices of class {name}, though the machine has {number}"
        for name, number in wanted.items()
        if 0 < found[name] < number
    ]


def environment(tap: TapParser, request: Request) -> list[str]:
    """A machine without what the runner attached would make tests skip, and a run look good."""
    problems = []
    found = {device.get("class") for device in tap.facts.get("device", [])}
    another = "--host" in paths.chosen
    if request.variants or another:
        # A host may have devices that are not behind its pvIOMMU; that of no variant has none.
        found |= {device.get("class") for device in tap.facts.get("outside", [])}
    devices = request.qemu.devices
    counts = device_counts(request.qemu, request.virtual_clock)
    # Beside the runner's devices the host's functions may go, as a host may have none: alone, they are all there is.
    needed = FUNCTIONS[:1] if devices.alone and not devices.hostless else ATTACHED
    if tap.fact("host").get("name") == REFERENCE_HOST and not (request.defects or request.variants or another):
        # Our own host as it should be: what it has is known.
        needed = tuple(counts)
        outside = [f"{device.get('class')} at {device.get('bdf')}" for device in tap.facts.get("outside", [])]
        problems += [f"the reference host does not manage {name}" for name in outside]
        problems += _too_few(tap, counts)
    needed = tuple(name for name in needed if name in counts)
    for name in needed:
        if name not in found:
            problems.append(f"the guest found no device of class {name}, though the machine has one")
    for name in ATTACHED:
        if name in found and name not in counts:
            problems.append(f"the guest found a device of class {name}, though the machine has none")
    if request.machine == "gen2":
        shown = sorted(set(tap.fact("machine").get("pc", "mcfg").split()) - {"com1"})
        problems += [f"the machine has a {name}, and a generation 2 VM has none" for name in shown]
    driven = tap.fact("iommu").get("name", "")
    if devices.unit and driven != devices.unit:
        problems.append(f"the guest drives {driven or 'no unit of its own'}, asked for was {devices.unit}")
    problems += switched_otherwise(tap, "defect", [defect.name for defect in request.defects])
    problems += switched_otherwise(tap, "variant", [variant.name for variant in request.variants])
    return problems


def switched_otherwise(tap: TapParser, word: str, wanted: list[str]) -> list[str]:
    """Does the host tell of other defects or variants than were asked for? One without oracle tells nothing."""
    told = tap.fact("host").get(word)
    if told is None:
        return []
    on = set() if told == "none" else set(told.split(","))
    whole = len(told) < ORACLE_TEXT_MAX[word]  # the oracle cuts a list that is too long for it, in any place
    if on == set(wanted) if whole else len(on - set(wanted)) <= 1:
        return []
    names = ",".join(sorted(wanted)) or "none"
    return [f"the reference host runs with {word} {told!r}, asked for was {names!r}"]


def _host_words(log: Path, limit: int = 3) -> list[str]:
    """When a run broke, the host's last complaint often says why."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 8192))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []
    words = ("panic", "fatal", "error", "refused", "unhandled", "shutdown")
    # Lines of a crash report are reported as one.
    bad = [line for line in lines if any(word in line.lower() for word in words) and not crash.is_report(line)]
    return [f"the host's log says: {printable(line)[:200]}" for line in bad[-limit:]]


def _qemu_words(stderr: str) -> list[str]:
    """The first and last complaint of QEMU; a signal of the runner is none."""
    lines = [line for line in stderr.splitlines() if line.strip() and "terminating on signal" not in line]
    return [f"QEMU says: {printable(line)[:200]}" for line in dict.fromkeys(lines[:1] + lines[-1:])]


def _problems(attempt: Attempt, boot_number: int) -> list[str]:
    """The problems of one boot."""
    problems = list(attempt.reading.problems)
    if attempt.outcome.tap.end is not None and not attempt.outcome.interruption:
        problems += environment(attempt.outcome.tap, attempt.request)
    told = _qemu_words(attempt.outcome.stderr)
    if not attempt.outcome.tap.started and not interrupts.caught():
        problems += attempt.outcome.before.problems(explained=attempt.outcome.ended and bool(told))
    if problems:
        problems += told
    if problems:
        problems += _host_words(attempt.folder / "host.log")
    return problems if boot_number == 1 else [f"boot {boot_number}: {problem}" for problem in problems]


def _crashes(attempts: list[Attempt]) -> list[Crash]:
    """Beside those that a test reports itself. Each is told with the test that was running, too."""
    out = []
    for place, attempt in enumerate(attempts, 1):
        guilty = attempt.reading.guilty
        if not attempt.reading.why:
            continue
        test = guilty.instance.id if guilty else ""
        found = crash.of_boot(attempt.folder / "host.log", attempt.outcome.tap, place, test)
        if guilty is not None:
            for one in found:
                guilty.reason += f"; {crash.words(one)}"
        out += found
    return out


@lru_cache(maxsize=1)
def _texts() -> stories.Texts:
    """Read once: a campaign has hundreds of runs."""
    try:
        return stories.texts() if build_id.belongs(paths.GUEST_DEBUG) else stories.Texts({}, {})
    except (ImageError, MissingError):
        return stories.Texts({}, {})  # without the debug file a report is shorter, and as true


def _tell_more(results: list[TestResult]) -> None:
    """Frames with their sources, and of each test that failed its story and the check that did not hold."""
    for result in results:
        result.frames = symbols.resolve(result.crash)
        if result.verdict in (Verdict.FAIL, Verdict.ERROR):
            result.story = _texts().stories.get(result.instance.test.id)
            check = _texts().checks.get(result.where.rpartition(DECIDED_AT)[2])
            if check:
                result.details = {"check": check, **result.details}


def _boot(attempt: Attempt) -> Boot:
    guilty = attempt.reading.guilty
    return Boot(
        reported=len(attempt.outcome.tap.points),
        interruption=attempt.reading.why,
        guilty=guilty.instance.id if guilty else "",
        seconds=attempt.outcome.timing.total,
        virtual_clock=attempt.request.virtual_clock,
    )


def _number(tap: TapParser, word: str, key: str) -> int | None:
    try:
        return number(tap.fact(word).get(key, ""))
    except YamlError:
        return None


def _timing(lanes: list[Lane]) -> Timing:
    """Machines work side by side, so the longest time counts; what comes before the tests is that of the first boot,
    which has a real clock where any has."""
    first = lanes[0].attempts[0].outcome
    real_clock = not lanes[0].request.virtual_clock
    tests = [lane.tests for lane in lanes if lane.tests is not None]
    return Timing(
        total=max(lane.seconds for lane in lanes),
        to_first_line=first.timing.to_first_line,
        tests=max(tests) if tests else None,
        firmware_to_first_test_us=_number(first.tap, "timing", "firmware_to_first_test_us") if real_clock else None,
        buses_up_us=_number(first.tap, "vmbus", "us") if real_clock else None,
        buses=len([line for line in first.tap.facts.get("vpci", []) if line.get("state") == "ready"]),
    )


def _judge(request: Request, lanes: list[Lane]) -> Judgement:
    """All lanes together, in the order of the request."""
    parts = [lane.judge() for lane in lanes]
    by_id = {result.instance.id: result for part in parts for result in part.results}
    # A failure that was to end the run leaves those behind it without a result.
    ran = [by_id[instance.id] for instance in request.selected if instance.id in by_id]
    out = Judgement(ran, [p for part in parts for p in part.problems])
    check_verified(out, transfers=not request.variants)
    return out


def _devices(taps: list[TapParser]) -> list[dict[str, str]]:
    """Of all machines, each device once, with what it says of itself."""
    found = {device.get("id", ""): dict(device) for tap in taps for device in tap.facts.get("device", [])}
    for engine in (engine for tap in taps for engine in tap.facts.get("engine", [])):
        told = {key: value for key, value in engine.items() if value}
        found.get(engine.get("id", ""), {}).update(told)
    return list(found.values())


def _guest_log(attempts: list[Attempt]) -> guest_log.GuestLog | None:
    """Of all boots; none where the host was not to write one."""
    request = attempts[0].request
    if request.host_level < guest_log.LEVEL or request.qemu.devices.hostless:
        return None
    return guest_log.join(guest_log.read(attempt.folder / "host.log") for attempt in attempts)


def assemble(request: Request, lanes: list[Lane]) -> Run:
    """Boots are numbered through all lanes."""
    attempts = [attempt for lane in lanes for attempt in lane.attempts]
    crashes = _crashes(attempts)
    results = _judge(request, lanes)
    problems = [problem for n, attempt in enumerate(attempts, 1) for problem in _problems(attempt, n)]
    problems += [lane.broken for lane in lanes if lane.broken] + results.problems
    problems += [crash.words(one) for one in crashes]
    _tell_more(results.results)
    # A boot that broke off early may not have come to say what it found.
    tap = max((attempt.outcome.tap for attempt in attempts), key=lambda tap: len(tap.facts))
    guest, host = tap.fact("pvtest"), {**tap.fact("hypervisor"), **tap.fact("host")}
    return Run(
        catalogue=request.catalogue,
        requirements=request.requirements,
        selected=[result.instance for result in results.results],
        results=results.results,
        problems=bounded(problems),
        seed=request.seed,
        repeat=request.repeat,
        defects=request.defects,
        variants=request.variants,
        versions={
            "qemu": request.qemu.version,
            "firmware": request.qemu.code,
            "host": host.get("version", "unknown"),
            "guest": guest.get("version", request.catalogue.version or "unknown"),
        },
        machine=request.description(),
        host=host,
        capabilities=tap.fact("pviommu"),
        devices=_devices([attempt.outcome.tap for attempt in attempts]),
        timing=_timing(lanes),
        command=request.command,
        flags=request.flags(),
        boots=[_boot(attempt) for attempt in attempts],
        crashes=crashes,
        shuffled=request.shuffled,
        guest_log=_guest_log(attempts),
    )
