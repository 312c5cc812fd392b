# SPDX-License-Identifier: MIT
"""`./run.sh list`: tests, defects and variants as tables or as JSON, without booting."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable
from typing import Any

from rich.table import Table
from rich.text import Text

from pvtest.counted import counted
from pvtest.errors import EXIT_OK
from pvtest.images import catalogue, requirements
from pvtest.images.catalogue import Defect, HostCatalogue, Instance, Switch, Test, Variant
from pvtest.images.requirements import Requirements
from pvtest.machine.terminal import Terminal, terminal
from pvtest.output import Output
from pvtest.plan.devices import UNIT
from pvtest.plan.ordering import filters
from pvtest.plan.selection import Filters, select, select_switches, told_switches, told_tests

WIDEST = 2000  # columns, more than any row has
FORMAT = "pvtest-catalogue"


UNITS = {
    "any": "every device",
    "vtd": "devices behind VT-d",
    "soft": "virtual functions",
    "ioat": "IOAT",
    "vpci": "vPCI",
}


def _switches(switches: tuple[Switch, ...]) -> list[dict[str, Any]]:
    """A defect also tells behind which unit it shows."""
    return [
        {"name": s.name, "requirements": list(s.requirements), "title": s.title}
        | ({"unit": s.unit} if isinstance(s, Defect) else {})
        for s in switches
    ]


def _by_test(selected: Iterable[Instance]) -> dict[Test, list[Instance]]:
    """The selected instances of each test."""
    found: dict[Test, list[Instance]] = {}
    for instance in selected:
        found.setdefault(instance.test, []).append(instance)
    return found


def _document(version: str, selected: list[Instance], host: HostCatalogue) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "format_version": 1,
        "version": version,
        "tests": [
            {
                "id": test.id,
                "group": test.group,
                "title": test.title,
                "requirements": list(test.requirements),
                "kinds": list(test.kinds),
                "level": test.level,
                "unit": test.unit,
                "tier": test.instances[0].tier,
                "where": test.where,
                "instances": [instance.id for instance in instances],
            }
            for test, instances in _by_test(selected).items()
        ],
        "defects": _switches(host.defects),
        "variants": _switches(host.variants),
    }


def _switch_table(name: str, switches: tuple[Switch, ...]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    seen = [("seen on", "dim")] if any(isinstance(switch, Defect) for switch in switches) else []
    for column, style in ((name, ""), ("requirements", "cyan"), *seen, ("the host ...", "")):
        table.add_column(column, style=style, overflow="fold", no_wrap=column == name)
    for switch in switches:
        unit = [UNITS[switch.unit]] if isinstance(switch, Defect) else []  # of a variant the whole catalogue passes
        table.add_row(switch.name, " ".join(switch.requirements), *unit, Text(switch.title))
    return table


def _print(out: Terminal, *tables: object) -> None:
    """A pipe gets one line for each row, without blanks at its end: the reader may be a program."""
    if sys.stdout.isatty():
        out.console.print(*tables)
        return
    out.console.width = WIDEST
    with out.console.capture() as capture:
        out.console.print(*tables)
    for line in capture.get().splitlines():
        print(line.rstrip(), file=Output())


def _print_json(found: dict[str, Any]) -> int:
    print(json.dumps(found, indent=2, ensure_ascii=False), file=Output())
    return EXIT_OK


def _list_switches(options: argparse.Namespace, version: str, needed: Requirements) -> int:
    host = catalogue.load_host()
    word = options.globs[0].removesuffix("s")
    known: tuple[Switch, ...] = host.defects if word == "defect" else host.variants
    switches = tuple(select_switches(word, known, options.globs[1:], needed))
    if options.json:
        defects = tuple(switch for switch in switches if isinstance(switch, Defect))
        variants = tuple(switch for switch in switches if isinstance(switch, Variant))
        return _print_json(_document(version, [], HostCatalogue(defects, variants)))
    out = terminal(options)
    _print(out, _switch_table(word, switches))
    out.say("; ".join([f"{len(switches)} {word}s", *told_switches(word, known, options.globs[1:], needed)]))
    return EXIT_OK


def _of_units(shown: Iterable[Test]) -> list[str]:
    """Tests that no run without --iommu has."""
    counts = Counter(test.unit for test in shown if test.unit)
    return [f"{count} of the tests run with --iommu {unit} alone" for unit, count in sorted(counts.items())]


def main(options: argparse.Namespace) -> int:
    """Prints what the selection would run."""
    tests, known = catalogue.load_tests(), requirements.load()
    if options.globs[:1] in (["defects"], ["variants"]):
        return _list_switches(options, tests.version, known)
    selected = select(tests, known, options.globs, filters(options))
    if options.json:
        return _print_json(_document(tests.version, selected, catalogue.load_host()))
    out = terminal(options)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column, style in (("test", ""), ("on", "dim"), ("requirements", "cyan"), ("promise", "")):
        table.add_column(column, style=style, overflow="fold", no_wrap=column == "test")
    shown = _by_test(selected)
    for test, instances in shown.items():
        devices = " ".join(i.device for i in instances if i.device)
        mark = {"observe": " (observation)", "stress": " (stress)"}.get(test.level, "")
        mark += f" ({UNIT} {test.unit})" if test.unit else ""
        mark += f" (tier {test.tier})" if test.tier else ""
        table.add_row(test.id, devices, " ".join(test.requirements), Text(test.title + mark))
    _print(out, table)
    covered = {known[name].id for test in shown for name in test.requirements}
    dma = sum("dma" in test.kinds for test in shown)
    out.say(
        f"{counted(len(shown), 'test')}, {counted(len(selected), 'instance')}, {counted(dma, 'test')} with DMA, "
        f"{len(covered)} of {len(known)} requirements covered"
        + "".join(f"; {text}" for text in [*_of_units(shown), *told_tests(tests, known, options.globs)])
    )
    if not options.globs and filters(options) == Filters():
        host = catalogue.load_host()
        _print(out, "", _switch_table("defect", host.defects), "", _switch_table("variant", host.variants))
        out.say(f"{len(host.defects)} defects, {len(host.variants)} variants")
    return EXIT_OK
