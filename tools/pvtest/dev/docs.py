# SPDX-License-Identifier: MIT
"""`make docs`: the pages that come from the images, the requirements and the parsers, into build/docs."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pvtest import paths
from pvtest.dev import manual
from pvtest.images import catalogue, requirements
from pvtest.images.catalogue import KINDS, LEVELS, Catalogue, Defect, HostCatalogue, Test
from pvtest.images.requirements import BASES, UNITS, Requirement, Requirements
from pvtest.images.stories import Story, stories
from pvtest.plan import dimensions

FOLDER = Path(__file__).resolve().parent
PAGES = ("requirements.md", "catalogue.md")
LONG_LIST = 6  # entries that a cell shows; more are folded


def plain(text: str) -> str:
    """Text that means nothing to Markdown, also inside a table."""
    return re.sub(r"([\\`*\[\]|])", r"\\\1", text).replace("<", "&lt;").replace(">", "&gt;")


def sentence(text: str) -> str:
    """With a full stop, and without meaning to Markdown."""
    return plain(text if text.endswith(".") else f"{text}.")


def slug(heading: str) -> str:
    """The anchor that Git hosting sites give a heading: small letters without punctuation."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def cell(entries: list[str]) -> str:
    """One entry a line inside a cell of a table; a long list is folded."""
    lines = "<br>".join(entries)
    return f"<details><summary>{len(entries)}</summary>{lines}</details>" if len(entries) > LONG_LIST else lines


class _Index:
    """Who covers a requirement, and who breaks it."""

    def __init__(self, tests: Catalogue, host: HostCatalogue, known: Requirements):
        self.known = known
        self.tests: dict[str, list[Test]] = {item.id: [] for item in known.items}
        self.defects: dict[str, list[Defect]] = {item.id: [] for item in known.items}
        for test in tests.tests:
            for item in self.of(test.requirements):
                self.tests[item.id].append(test)
        for defect in host.defects:
            for item in self.of(defect.requirements):
                self.defects[item.id].append(defect)

    def of(self, names: tuple[str, ...]) -> list[Requirement]:
        """Each requirement once; an alias counts as what it stands for."""
        return list({self.known[name].id: self.known[name] for name in names}.values())

    def proof(self, test: Test) -> list[str]:
        """Names of the defects that break what the test covers."""
        return list(dict.fromkeys(d.name for item in self.of(test.requirements) for d in self.defects[item.id]))


def _kinds(tests: list[Test]) -> dict[str, int]:
    counts = Counter(kind for test in tests for kind in test.kinds)
    return {kind: counts[kind] for kind in KINDS}


def _groups(tests: Catalogue) -> list[dict[str, Any]]:
    found = []
    for name in dict.fromkeys(test.group for test in tests.tests):
        own = [test for test in tests.tests if test.group == name]
        instances = sum(len(test.instances) for test in own)
        found.append({"name": name, "tests": own, "instances": instances, "kinds": _kinds(own)})
    return found


def _areas(index: _Index) -> list[dict[str, Any]]:
    found = []
    for name, about in index.known.groups.items():
        own = [item for item in index.known.items if item.group == name]
        covered = sum(bool(index.tests[item.id]) for item in own)
        found.append({"name": name, "about": about, "items": own, "covered": covered})
    return found


def pages(
    tests: Catalogue, host: HostCatalogue, known: Requirements, told: dict[str, Story], sources: str
) -> dict[str, str]:
    """The text of each page, by the name of its file. Links to sources begin with `sources`."""
    index = _Index(tests, host, known)
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown: plain() escapes
    )
    environment.filters.update(plain=plain, sentence=sentence, slug=slug, cell=cell)
    level = Counter(test.level for test in tests.tests)
    abi = known.of("").items
    values = {
        "sources": sources,
        "index": index,
        "varied": dimensions.of_requirements(tests, known, told),
        "tests": tests,
        "host": host,
        "known": known,
        "stories": told,
        "groups": _groups(tests),
        "areas": _areas(index),
        "kinds": _kinds(list(tests.tests)),
        "levels": {name: level[name] for name in LEVELS},
        "seconds": sum(bool(test.tier) for test in tests.tests),
        "abi": abi,
        "bases": {name: sum(item.basis == name for item in abi) for name in BASES},
        "musts": Counter(item.level for item in abi),
        "unbroken": [item for item in abi if not index.defects[item.id]],
        "covered": sum(bool(index.tests[item.id]) for item in abi),
        "units": [(unit, sum(item.unit == unit for item in known.items)) for unit in UNITS if unit],
    }
    return {name: environment.get_template(name).render(values) for name in PAGES}


def generated(sources: str) -> dict[str, str]:
    """All pages, the manual page and the completion, by file name; `sources` leads to the source tree."""
    tests, host, known = catalogue.load_tests(), catalogue.load_host(), requirements.load()
    found = pages(tests, host, known, stories(), sources)
    return {**found, manual.MAN: manual.man_page(), manual.COMPLETION: manual.completion(tests, host, known)}


def main() -> None:
    """Writes them all."""
    paths.MADE_DOCS.mkdir(parents=True, exist_ok=True)
    for name, text in generated("../..").items():
        (paths.MADE_DOCS / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
