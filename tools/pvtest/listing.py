# SPDX-License-Identifier: MIT
"""`./run.sh list`: the catalogue as a table or as JSON, without booting."""

from __future__ import annotations

import argparse
import json
from typing import Any

from rich.table import Table
from rich.text import Text

from pvtest import catalogue, requirements
from pvtest.catalogue import Defect, Instance
from pvtest.errors import EXIT_OK
from pvtest.run import terminal
from pvtest.selection import select

FORMAT = "pvtest-catalogue"


def _document(version: str, selected: list[Instance], defects: tuple[Defect, ...]) -> dict[str, Any]:
    tests = dict.fromkeys(instance.test for instance in selected)
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
                "where": test.where,
                "instances": [instance.id for instance in selected if instance.test == test],
            }
            for test in tests
        ],
        "defects": [{"name": d.name, "requirements": list(d.requirements), "title": d.title} for d in defects],
    }


def main(options: argparse.Namespace) -> int:
    """Prints what the selection would run."""
    tests, known = catalogue.load_tests(), requirements.load()
    selected = select(tests, known, options.globs)
    if options.json:
        print(json.dumps(_document(tests.version, selected, catalogue.load_defects()), indent=2, ensure_ascii=False))
        return EXIT_OK
    out = terminal(options)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column, style in (("test", ""), ("on", "dim"), ("requirements", "cyan"), ("promise", "")):
        table.add_column(column, style=style, overflow="fold", no_wrap=column == "test")
    shown = dict.fromkeys(instance.test for instance in selected)
    for test in shown:
        devices = " ".join(i.device for i in selected if i.test == test and i.device)
        mark = {"observe": " (observation)", "stress": " (stress)"}.get(test.level, "")
        table.add_row(test.id, devices, " ".join(test.requirements), Text(test.title + mark))
    out.console.print(table)
    covered = {known[name].id for test in shown for name in test.requirements}
    dma = sum("dma" in test.kinds for test in shown)
    out.say(
        f"{len(shown)} tests, {len(selected)} instances, {dma} tests with DMA, "
        f"{len(covered)} of {len(known)} requirements covered"
    )
    return EXIT_OK
