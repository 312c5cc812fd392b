# SPDX-License-Identifier: MIT
"""`./run.sh defects` and `./run.sh variants`: how good is the suite?

Every defect of the reference host must make a test fail, and under every variant all tests must pass.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pvtest import interrupts, paths
from pvtest.counted import counted
from pvtest.errors import EXIT_OK, RunnerError, system_error
from pvtest.images import catalogue
from pvtest.images.catalogue import (
    DECLARED_TIER,
    Defect,
    HostCatalogue,
    Instance,
    Switch,
    Variant,
    without_slow_copies,
)
from pvtest.machine import boots, saved
from pvtest.machine.from_options import boot_once, load, machine, whole_catalogue
from pvtest.machine.guardian import temporary_folder
from pvtest.machine.guest_process import Observer
from pvtest.machine.terminal import terminal
from pvtest.machine.request import FUNCTIONS_ALONE, on_functions_alone
from pvtest.machine.terminal import SideBySide, Terminal
from pvtest.plan.devices import Devices
from pvtest.plan.ordering import CampaignPlan
from pvtest.plan.selection import select_switches, told_switches
from pvtest.plan.shown import AT_END, own_instances, soonest_first, spread, together, where_it_shows
from pvtest.report import summary
from pvtest.report.folder import ResultsFolder
from pvtest.stream.coverage import broken
from pvtest.stream.model import Run, Verdict
from pvtest.stream.trials import BAD, GOOD, Trials

NAMES_SHOWN = 2
# A host with a defect may be silent where it should answer, and the right one answers before its exit ends: a tenth of
# the time that any host gets. The runs without a defect pass with it, too.
ANSWER_MS = 100
WORTH_SAVING = 8  # machines that go on from a saved one; for fewer it takes longer to save it and to look at it
SOUND = "saved-machine"  # folder of the run without a defect there
BUSES = "virtual-buses"  # and of that on virtual PCI buses


def _own_longer(request: boots.Request, switch: Switch) -> list[Instance]:
    """Tests of what the defect breaks that are of a longer tier than the campaign: it may show in them alone."""
    longer = [instance for instance in request.catalogue.instances if instance.tier == DECLARED_TIER]
    known = {instance.id for instance in request.selected}
    found = own_instances(request.requirements, switch, request.qemu.devices.on(longer))
    return [instance for instance in without_slow_copies(found) if instance.id not in known]


def own_first(request: boots.Request, switch: Switch, plain: Run) -> boots.Request:
    """Tests of what the defect breaks come first, those that are quick and near to it before the others. The first of
    them that fails ends the run: it has caught the defect. If none fails, everything runs."""
    took = {result.instance.id: result.duration_us for result in plain.results}
    known = request.requirements
    own = soonest_first(known, switch, own_instances(known, switch, request.selected), took)
    # A test that has to be last runs here only where no other test is there for the defect, and then alone.
    own = [instance for instance in own if not instance.id.startswith(AT_END)] or own
    ids = frozenset(instance.id for instance in own)
    alone = any(instance.id.startswith(AT_END) for instance in own)
    rest = [instance for instance in request.selected if instance.id not in ids and not alone]
    return dataclasses.replace(request, selected=own + rest, stop_at=ids)


def _passed(run: Run) -> frozenset[str]:
    return frozenset(result.instance.id for result in run.results if result.verdict is Verdict.PASS)


def _defect_verdict(run: Run) -> str:
    """'caught' needs a FAIL: a crash or hang shows that something is wrong, but no test said what."""
    if run.count(Verdict.FAIL):
        return "caught"
    return "error" if run.problems or run.count(Verdict.ERROR) else "missed"


@dataclass(frozen=True)
class Campaign:
    """The differences between defects and variants: the option of the host, and the result expected of the suite."""

    word: str  # singular; the plural is the command, and names the files of results
    column: str  # what its requirements mean
    verdict: Callable[[Run], str]  # good, bad or "error"
    known: Callable[[HostCatalogue], Sequence[Switch]]
    own: bool  # does it matter whether a failing test covers one of its requirements? Its first failure ends a run

    @property
    def good(self) -> str:
        """The verdict that is wanted."""
        return GOOD[self.plural]

    @property
    def bad(self) -> str:
        """The opposite."""
        return BAD[self.plural]

    @property
    def plural(self) -> str:
        """The command."""
        return f"{self.word}s"

    def switched_on(self, request: boots.Request, switch: Switch, plain: Run | None) -> boots.Request:
        """The request with this one switched on: a defect on the device classes where it can show, a variant on all.
        With the run of the host without it, no more of a defect runs than it takes to catch it, and each test runs
        under a variant on some of its classes."""
        selected = request.selected
        if isinstance(switch, Defect):
            selected = where_it_shows(switch.unit, [*selected, *_own_longer(request, switch)])
        elif isinstance(switch, Variant) and plain is not None:
            selected = spread(switch, selected, _passed(plain), request.seed)
        if _on_buses(switch):
            request = dataclasses.replace(request, bus="vpci")
        on = list(_members(switch) or (switch,))
        switched = dataclasses.replace(request, selected=selected, **{self.plural: on})
        return own_first(switched, switch, plain) if plain is not None and self.own else switched


def _on_buses(switch: Switch) -> bool:
    """Does it show on virtual PCI buses alone?"""
    return getattr(switch, "unit", "any") == "vpci"


def _on_saved(switch: Switch) -> bool:
    """Can it show on a machine without VT-d?"""
    return isinstance(switch, Defect) and switch.unit != "vtd"


@dataclass(frozen=True)
class Hosts:
    """The machines of a campaign, as requests without a defect or variant."""

    booted: boots.Request
    saved: boots.Request | None = None  # from where machines without VT-d go on
    plain: Run | None = None  # of the host without a defect, by which tests are put in order; None = everything runs
    buses: Run | None = None  # of the same on virtual PCI buses: for defects on the saved machine, for variants booted
    together: int = 1  # variants on one host

    def shared(self, campaign: Campaign, chosen: list[Switch]) -> Sequence[Switch]:
        """Each of these has a host of its own; one with members stands for several."""
        variants = [switch for switch in chosen if isinstance(switch, Variant)]
        if campaign.own or self.together == 1 or self.plain is None:
            return chosen
        known = self.booted.requirements
        return together(variants, self.together, known, self.booted.seed, self.buses is not None)

    def without(self, switch: Switch) -> Run | None:
        """The run of the host without it, on the bus that it is on."""
        return self.buses if self.buses is not None and _on_buses(switch) else self.plain

    def first(self, campaign: Campaign, switch: Switch) -> boots.Request | None:
        """A short run before the one that decides, of a defect of virtual PCI buses: the tests of what it breaks that
        pass on the saved machine without it. One that they do not catch may need devices of QEMU."""
        if self.saved is None or self.buses is None or not _on_buses(switch):
            return None
        asked = campaign.switched_on(self.saved, switch, self.buses)
        usable = asked.stop_at & _passed(self.buses)
        own = [instance for instance in asked.selected if instance.id in usable]
        return dataclasses.replace(asked, selected=own, restarts=0) if own else None

    def request(self, campaign: Campaign, switch: Switch) -> boots.Request:
        """The run with this one: on a saved machine, except where it may need a device of QEMU; or on one like it."""
        base = self.booted
        if self.saved is not None and _on_saved(switch) and not _on_buses(switch):
            base = self.saved
        elif isinstance(switch, Defect) and switch.unit in FUNCTIONS_ALONE:
            base = on_functions_alone(base)
        return campaign.switched_on(base, switch, self.without(switch))


CAMPAIGNS = {
    "defects": Campaign("defect", "breaks", _defect_verdict, lambda host: host.defects, True),
    "variants": Campaign(
        "variant", "permitted by", lambda run: run.verdict.value, lambda host: host.variants, False
    ),
}


@dataclass
class Outcome:
    """The results of the catalogue for one defect or variant."""

    campaign: Campaign
    switch: Switch
    run: Run
    planned: int = 0  # instances; more than have a result where a failure ended the run
    beside: tuple[str, ...] = ()  # others that were on in the same host

    @property
    def not_run(self) -> int:
        """Instances that a failure spared."""
        return max(0, self.planned - len(self.run.results))

    @property
    def failing(self) -> list[str]:
        """Instances that reported FAIL."""
        return [result.instance.id for result in self.run.results if result.verdict is Verdict.FAIL]

    @property
    def verdict(self) -> str:
        """In the words of the campaign."""
        return self.campaign.verdict(self.run)

    @property
    def own_requirement(self) -> bool:
        """Does a failing test cover a requirement of the defect or variant?"""
        known = self.run.requirements
        own = {known[name].id for name in self.switch.requirements}
        failing = [result for result in self.run.results if result.verdict is Verdict.FAIL]
        return any(known[name].id in own for result in failing for name in broken(self.run, result))

    @property
    def first(self) -> str:
        """The failing tests, or the error, as far as there is room."""
        if self.verdict == "error":
            bad = [result.reason for result in self.run.results if result.verdict is Verdict.ERROR]
            return (self.run.problems + bad)[0]
        more = f", ... {len(self.failing) - NAMES_SHOWN} more" if len(self.failing) > NAMES_SHOWN else ""
        return ", ".join(self.failing[:NAMES_SHOWN]) + more

    def record(self) -> dict[str, Any]:
        """One entry of defects.json or variants.json."""
        return {
            self.campaign.word: self.switch.name,
            "title": self.switch.title,
            "requirements": list(self.switch.requirements),
            "verdict": self.verdict,
            **({"own_requirement": self.own_requirement} if self.campaign.own else {}),
            "failing": self.failing,
            "errors": [result.instance.id for result in self.run.results if result.verdict is Verdict.ERROR],
            "skipped": self.run.count(Verdict.SKIP),
            **({"not_run": self.not_run} if self.campaign.own else {}),
            **({"together": list(self.beside)} if self.beside else {}),
            "problems": self.run.problems,
            "seconds": round(self.run.timing.total, 2),
        }


def _members(switch: Switch) -> tuple[Switch, ...]:
    """Of several that are switched on in one host; () is one alone."""
    return getattr(switch, "members", ())


def _hidden(run: Run, plain: Run) -> frozenset[str]:
    """The instances that did not pass here, and did on the host without any: one variant kept them from seeing the
    others. One that passed here goes with them, because a run in which nothing passes is an error."""
    passed = _passed(run)
    found = _passed(plain) & frozenset(result.instance.id for result in run.results) - passed
    return found | {min(passed)} if found else found


@dataclass
class _Trier:
    """Runs the catalogue on the hosts of a campaign."""

    campaign: Campaign
    hosts: Hosts
    folder: ResultsFolder
    progress: SideBySide

    def one(self, switch: Switch, only: frozenset[str] = frozenset(), bus: str = "") -> Outcome:
        """One machine, on its usual bus or the given one. `only`: these instances, on whichever classes."""
        stop = interrupts.STOP
        if stop.is_set():
            return self._broken(switch, f"did not run: {interrupts.reason()}")
        self.progress.change(begins=switch.name)
        try:
            asked = self.hosts.request(self.campaign, switch)
            asked = dataclasses.replace(asked, bus=bus or asked.bus)
            if only:
                asked = dataclasses.replace(asked, selected=[i for i in self.hosts.booted.selected if i.id in only])
            folder, first = self.folder.folder(switch.name), self.hosts.first(self.campaign, switch)
            if first is not None:
                run = boots.run(first, folder, Observer(stop=stop))
                found = Outcome(self.campaign, switch, run, len(asked.selected))
                if found.own_requirement:
                    return found
            run = boots.run(asked, folder, Observer(stop=stop))
        except (OSError, RunnerError) as error:
            # The others go on: what they find is worth having.
            return self._broken(switch, system_error(error) if isinstance(error, OSError) else str(error))
        finally:
            self.progress.change(ends=switch.name)
        return Outcome(self.campaign, switch, run, len(asked.selected))

    def _broken(self, switch: Switch, problem: str) -> Outcome:
        """One without results."""
        booted = self.hosts.booted
        return Outcome(self.campaign, switch, Run(booted.catalogue, booted.requirements, [], [], [problem]))

    def each(self, switch: Switch) -> list[Outcome]:
        """Of each that is switched on in one host. A failure has to name one, so that each then has a host to itself;
        and what one of them makes skip has not seen the others: each has these tests to itself."""
        whole, plain = self.one(switch), self.hosts.without(switch)
        members, bus = _members(switch), "vpci" if _on_buses(switch) else ""
        if not members or plain is None:
            found = [whole]
        elif whole.verdict != self.campaign.good or whole.not_run:
            found = [self.one(member, bus=bus) for member in members]
        else:
            hidden = _hidden(whole.run, plain)
            alone = [self.one(member, hidden, bus) if hidden else whole for member in members]
            found = [self._beside(whole, own, member) for own, member in zip(alone, members)]
        self.progress.change(done=len(found))
        return found

    def _beside(self, whole: Outcome, alone: Outcome, member: Switch) -> Outcome:
        if alone.verdict != self.campaign.good:
            return alone
        others = tuple(other.name for other in _members(whole.switch) if other is not member)
        return dataclasses.replace(whole, switch=member, beside=others)


def _boot_all(
    campaign: Campaign, hosts: Hosts, chosen: list[Switch], folder: ResultsFolder, jobs: int, out: Terminal
) -> list[Outcome]:
    """One machine for each, or for several that go together; several machines at a time."""
    done: dict[str, Outcome] = {}
    with ThreadPoolExecutor(jobs) as pool, out.progress(len(chosen), f"Running {len(chosen)} {campaign.plural}") as bar:
        trier = _Trier(campaign, hosts, folder, SideBySide(bar))
        waiting = [pool.submit(trier.each, switch) for switch in hosts.shared(campaign, chosen)]
        try:
            for future in as_completed(waiting):
                for outcome in future.result():
                    done[outcome.switch.name] = outcome
                    if not out.live and not out.quiet:
                        count = f"{len(done)}/{len(chosen)}"
                        failing = len(outcome.failing)
                        out.say(f"  {count} {outcome.switch.name}: {outcome.verdict}, {failing} failing")
        except BaseException:
            interrupts.STOP.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [done[switch.name] for switch in chosen]


@contextmanager
def _saved(
    campaign: Campaign, options: argparse.Namespace, request: boots.Request, chosen: list[Switch], out: Terminal
) -> Iterator[boots.Request | None]:
    """A machine from which those of a campaign of defects go on. None where it cannot be saved, where few would go on
    from it, and where everything runs, on all devices."""
    usual = not campaign.own or options.matrix or options.boot_each or options.accel != "tcg"
    usual = usual or bool(interrupts.caught())  # a CI system waits a few seconds for the report
    if usual or sum(_on_saved(switch) for switch in chosen) < WORTH_SAVING:
        yield None
        return
    with temporary_folder() as path:
        found = None
        try:
            found = saved.save(request.qemu, Path(path))
        except RunnerError as error:
            out.say(f"Each defect gets a boot of its own, as the machine could not be saved: {error}", "yellow")
        yield None if found is None else dataclasses.replace(
            request,
            qemu=found.qemu,
            saved=found,
            selected=found.qemu.devices.on(request.selected),
        )


def _sound_on_buses(
    options: argparse.Namespace, request: boots.Request, quick: boots.Request | None, chosen: list[Switch]
) -> boots.Request | None:
    """The host on virtual PCI buses without what shows there alone: the tests of what such defects break, on the saved
    machine; and all tests, where variants of them get others beside them. None where nothing of this follows."""
    shown = [switch for switch in chosen if _on_buses(switch)]
    if not shown:
        return None
    if quick is not None:
        names = {one.id for switch in shown for one in own_instances(request.requirements, switch, quick.selected)}
        own = [one for one in where_it_shows("vpci", quick.selected) if one.id in names]
        return dataclasses.replace(quick, bus="vpci", selected=own) if own else None
    return dataclasses.replace(request, bus="vpci") if getattr(options, "together", 1) > 1 else None


def _document(trials: Trials, seed: int, matrix: bool) -> dict[str, Any]:
    return {
        "format": f"pvtest-{trials.kind}",
        "format_version": 1,
        "exit_code": trials.exit_code,
        "seed": seed,
        "matrix": matrix,
        **({"single_test": trials.single_tests} if matrix and trials.kind == "defects" else {}),
        "summary": trials.summary,
        trials.kind: list(trials.entries),
    }


def _how(campaign: Campaign, outcomes: list[Outcome], matrix: bool) -> str:
    """The tests that each host ran."""
    if matrix:
        return f"Under each {campaign.word} everything ran that can show it"
    if not campaign.own:
        return "Under each variant every test ran, on some of its device classes; --matrix runs it on all of them"
    stopped = sum(outcome.not_run > 0 for outcome in outcomes)
    return (
        f"{stopped} of {len(outcomes)} runs ended at the first failure of a test of the broken requirement; "
        "--matrix shows what else fails"
    )


def _score(campaign: Campaign, outcomes: list[Outcome], trials: Trials) -> str:
    counts = trials.summary
    code = f"{counts['error']} errors (exit code {trials.exit_code})"
    if campaign.own:
        own = sum(outcome.own_requirement for outcome in outcomes)
        return (
            f"{counts['caught']} of {len(outcomes)} defects caught ({own} by a test of their own requirement), "
            f"{counts['missed']} missed, {code}"
        )
    return f"{counts[campaign.good]} of {len(outcomes)} {campaign.plural} pass, {counts[campaign.bad]} fail, {code}"


def known_switches(campaign: Campaign) -> tuple[Switch, ...]:
    """All that the reference host has."""
    return tuple(campaign.known(catalogue.load_host()))


def _seen(campaign: Campaign, devices: Devices, switches: list[Switch], out: Terminal) -> list[Switch]:
    """Without those that cannot show on this machine."""
    unseen = devices.unseen(switches)
    if unseen:
        names = ", ".join(switch.name for switch in unseen)
        if len(unseen) == len(switches):
            raise devices.lacking(f"{names}: shows only behind VT-d, and this machine has none")
        out.say(f"Left out, as they show only behind VT-d: {counted(len(unseen), campaign.word)} ({names})", "yellow")
    return [switch for switch in switches if switch not in unseen]


def main(command: str, options: argparse.Namespace) -> int:
    """The plain run first: a suite that fails anyway proves nothing by failing, and one that is broken by passing."""
    campaign = CAMPAIGNS[command]
    tests, known = load()
    switches = select_switches(campaign.word, known_switches(campaign), options.globs, known)
    out = terminal(options)
    out.tell(told_switches(campaign.word, known_switches(campaign), options.globs, known))
    booted = machine(options, out)
    part = CampaignPlan(options.shard, _seen(campaign, booted.devices, switches, out))
    chosen = part.chosen
    # On plain PCI fewer exits come between a test and its device; what shows on vPCI alone is switched on there.
    answer = ANSWER_MS if campaign.own and options.accel == "tcg" else None
    request = dataclasses.replace(whole_catalogue(options, tests, known, booted), bus="pci", answer_ms=answer)
    with interrupts.deferred(), ResultsFolder(options.results) as folder:
        plain = boot_once(request, folder.path, out, options.verbose)
        if not interrupts.caught():  # it is written with the campaign, at once
            folder.write_run(plain)
        if plain.exit_code != EXIT_OK and not interrupts.caught():
            summary.show(plain, out, folder.publish(), options.verbose)
            out.say(f"The host without a {campaign.word} must pass everything before {campaign.plural} mean anything.")
            return plain.exit_code
        out.say(f"Without a {campaign.word}: {plain.count(Verdict.PASS)} pass, {plain.count(Verdict.SKIP)} skip")
        matrix = options.matrix
        with _saved(campaign, options, request, chosen, out) as quick:
            # A host without a defect has to pass there, too.
            buses = None if matrix else _sound_on_buses(options, request, quick, chosen)
            sound: dict[str, Run] = {}
            for name, asked, place in ((SOUND, quick, "saved machine"), (BUSES, buses, "virtual PCI buses")):
                if asked is None:
                    continue
                run = sound[name] = boot_once(asked, folder.folder(name), out, options.verbose, f" on the {place}")
                if run.exit_code != EXIT_OK and not interrupts.caught():
                    summary.show(run, out, folder.publish(), options.verbose)
                    other = "use --boot-each" if campaign.own else "leave --together out"
                    out.say(f"The host without a {campaign.word} must pass on the {place}, too; or {other}.")
                    return run.exit_code
            hosts = Hosts(request, quick, None if matrix else plain, sound.get(BUSES), getattr(options, "together", 1))
            outcomes = _boot_all(campaign, hosts, chosen, folder, options.jobs, out)
        trials = Trials(campaign.plural, tuple(outcome.record() for outcome in outcomes))
        plain.trials = trials
        document = _document(trials, options.seed, matrix)
        folder.write_json(f"{campaign.plural}.json", {**document, **part.keys(plain.versions)})
        folder.write_run(plain)
        folder.write_text(f"{campaign.plural}.tsv", trials.lines)
        where = folder.publish()
    firsts = [outcome.first for outcome in outcomes]
    out.console.print("", summary.trials_table(trials, campaign.column, firsts), "")
    for outcome in outcomes:
        if outcome.verdict != campaign.good:
            out.say(f"{outcome.verdict}: {outcome.switch.name}: {outcome.switch.title}", "bold red")
            out.say(f"  again: {trials.again(outcome.record(), options.seed)}")
    out.say(f"results       {paths.shown(where)}")
    out.say(_how(campaign, outcomes, matrix))
    if campaign.own and (told := trials.single_tests_told if matrix else trials.slow_told):
        out.say(told)
    out.say(_score(campaign, outcomes, trials))
    out.save(f"./run.sh {campaign.plural}")
    return plain.exit_code
