# SPDX-License-Identifier: MIT
"""`./run.sh show NAME...`: all that is known of a test, a defect, a variant or a requirement, without booting."""

from __future__ import annotations

import argparse
import textwrap

from pvtest.errors import EXIT_OK, UsageError, suggest
from pvtest.images import catalogue, requirements
from pvtest.images.catalogue import Catalogue, Defect, HostCatalogue, Switch, Test
from pvtest.images.requirements import Requirement, Requirements
from pvtest.images.stories import stories
from pvtest.machine.terminal import terminal
from pvtest.plan import dimensions
from pvtest.plan.devices import UNIT

Rows = list[tuple[str, str]]


def _needs(names: tuple[str, ...], known: Requirements) -> Rows:
    return [(known[name].id, f"{known[name].text} ({known[name].level})") for name in dict.fromkeys(names)]


def _ids(names: tuple[str, ...], known: Requirements) -> set[str]:
    return {known[name].id for name in names}


def _test(test: Test, known: Requirements, host: HostCatalogue) -> Rows:
    rows = [("test", test.id), ("promise", test.title), *_needs(test.requirements, known)]
    rows += [("runs on", ", ".join(test.classes) or "no device"), ("kinds", ", ".join(test.kinds) or "none")]
    rows += [("unit", test.unit), ("level", test.level), ("tier", test.instances[0].tier), ("source", test.where)]
    story = stories().get(test.id)
    if story is not None:
        rows += [("steps", story.steps), ("expects", story.expected), ("a failure", story.failure)]
    wanted = _ids(test.requirements, known)
    same = [defect.name for defect in host.defects if _ids(defect.requirements, known) & wanted]
    again = f"./run.sh {test.id}" + (f" {UNIT} {test.unit}" if test.unit else "")
    return [*rows, ("defects of these requirements", ", ".join(same)), ("run it", again)]


def _switch(switch: Switch, known: Requirements, tests: Catalogue) -> Rows:
    word = "defect" if isinstance(switch, Defect) else "variant"
    rows = [(word, switch.name), ("the host", switch.title), *_needs(switch.requirements, known)]
    if isinstance(switch, Defect):
        rows.append(("shows on", switch.unit))
    wanted = _ids(switch.requirements, known)
    same = [test.id for test in tests.tests if _ids(test.requirements, known) & wanted]
    return [*rows, ("tests of these requirements", ", ".join(same)), ("run it", f"./run.sh --{word} {switch.name}")]


def _requirement(item: Requirement, known: Requirements, tests: Catalogue, host: HostCatalogue) -> Rows:
    def having(things: tuple[Test, ...] | tuple[Switch, ...]) -> list[str]:
        found = [thing for thing in things if item.id in _ids(thing.requirements, known)]
        return [thing.id if isinstance(thing, Test) else thing.name for thing in found]

    rows = [("requirement", item.id), ("also called", ", ".join(item.aliases)), ("says", item.text)]
    rows += [("unit", item.unit), ("section", item.section), ("level", item.level), ("basis", item.basis)]
    rows += [("note", item.note), ("no test, because", item.reason)]
    again = f"./run.sh {item.id}" + (f" {UNIT} {item.unit}" if item.unit else "")
    varied = dimensions.of_requirements(tests, known, stories())[item.id]
    rows.append(("its tests vary", ", ".join(f"{name} ({len(ids)})" for name, ids in varied.items())))
    rows += [("tests", ", ".join(having(tests.tests))), ("defects", ", ".join(having(host.defects)))]
    return [*rows, ("variants", ", ".join(having(host.variants))), ("run them", again)]


def describe(name: str, tests: Catalogue, known: Requirements, host: HostCatalogue) -> list[Rows]:
    """Everything with this name; an instance is its test. Case does not matter."""
    lower = name.lower()
    found = [_test(t, known, host) for t in tests.tests if t.id.lower() == lower.partition("@")[0]]
    found += [_switch(s, known, tests) for s in (*host.defects, *host.variants) if s.name.lower() == lower]
    found += [
        _requirement(item, known, tests, host)
        for item in known.items
        if lower in (word.lower() for word in (item.id, *item.aliases))
    ]
    if not found:
        names = [test.id for test in tests.tests] + [s.name for s in (*host.defects, *host.variants)] + list(known.ids)
        raise UsageError(f"no test, defect, variant or requirement is called '{name}'.{suggest(name, names)}")
    return found


def lines(key: str, text: str, width: int) -> list[str]:
    """A row, broken between words where it is wider; 0: on one line, as a search in a pipe needs it."""
    row = f"{key}: {' '.join(text.split())}"
    if width == 0:
        return [row]
    return textwrap.wrap(row, width, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def main(options: argparse.Namespace) -> int:
    """One block for each."""
    tests, known, host = catalogue.load_tests(), requirements.load(), catalogue.load_host()
    blocks = [rows for name in options.names for rows in describe(name, tests, known, host)]
    out = terminal(options)
    width = out.console.width if out.live else 0
    for number, rows in enumerate(blocks):
        if number:
            out.say("")
        for key, text in rows:
            for line in lines(key, text, width) if text else ():
                out.say(line)
    return EXIT_OK
