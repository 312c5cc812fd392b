# SPDX-License-Identifier: MIT
"""The dimensions of a test, docs/kinds-of-mistakes.md: which of them the tests of a requirement vary.

They are derived from what a test says of itself, its promise, steps and expectation, and from its kinds. A test that
varies something and does not say so is not found; its texts are what a reader of a failure gets, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from pvtest.images.catalogue import Catalogue, Test
from pvtest.images.requirements import Requirements
from pvtest.images.stories import Story

PAGE = "docs/kinds-of-mistakes.md"
# In the order of the page: patterns for the words of a test that varies this.
WORDS = {
    "count": (
        r"\d+ times", r"\btimes\b", "hundred", "thousand", "over and over", "many", r"\d,\d{3}",
        r"\b(?:[3-9]\d|\d{3,}) (?:pages|domains|calls|elements|leaves|rounds)",
    ),
    "size": (
        "[12] [gm]ib", "large", "leaf sizes?", "each (?:leaf )?size", "blocks? of", "shift", r"\d+ pages",
        "of every length",
    ),
    "order": (
        r"\border", "reverse", "at random", "random", "in turn", "either way", "from each", "each to each",
        "other way round",
    ),
    "second device": (
        "(?:second|other|another|two|each|every|all|several|both|eight|more|some) (?:a )?devices?",
    ),
    "second processor": (
        "(?:second|other|another|each|all|both|several|two) (?:other )?processors?",
    ),
    "refused call": (
        "refus", "malformed", "an error",
    ),
    "bystander": (
        "bystander", "(?:another|other|second|third) domain", "others", "neighboring domain", "undisturbed",
        "uninvolved",
    ),
    "edge": (
        r"\bedge", "last byte", "first byte", "last page", "first page", "page 0", "across", "boundar",
        "the end of", "begin in", "ends? of",
    ),
    "neighbor": (
        "neighbo", "beside", "adjacent", "next (?:page|entry|leaf)", "same cache line", "same 64 bytes",
        "around", "before and after",
    ),
    "alias": (
        "alias", "one bit", "each bit", "higher bit", r"low \d+ bits", "half of", "power of two", "at the gpa",
        "that gpa",
    ),
    "capacity": (
        "until one is refused", "as (?:many|full)", "beyond", r"\bfull\b", "capacity", r"\blimit", "more than",
        r"fills?\b", "room for", "at once",
    ),
    "state before": (
        r"\bstates?\b", "comes? back", "came back", "reused", "detached", "never attached",
        "was (?:identity|blocked|deleted)", "reconfigured", "after its deletion", "power-on", "restart",
        "while away", "in flight", "before it",
    ),
}
BAD_INPUT = "bad-input"  # the kind of a test whose calls are refused
THIN = 3  # a must whose tests vary fewer is told


def of_test(test: Test, story: Story | None) -> list[str]:
    """Those that this test varies, in the order of the page."""
    said = " ".join([test.id.replace("_", " "), test.title, *((story.steps, story.expected) if story else ())]).lower()
    found = [name for name, words in WORDS.items() if re.search("|".join(words), said)]
    if BAD_INPUT in test.kinds and "refused call" not in found:
        found.append("refused call")
    return [name for name in WORDS if name in found]


def of_requirements(
    tests: Catalogue, known: Requirements, told: Mapping[str, Story]
) -> dict[str, dict[str, list[str]]]:
    """For each requirement the ids of the tests that vary a dimension, by its name."""
    found: dict[str, dict[str, list[str]]] = {item.id: {} for item in known.items}
    for test in tests.tests:
        varied = of_test(test, told.get(test.id))
        for id_ in dict.fromkeys(known[name].id for name in test.requirements if name in known):
            for name in varied:
                found[id_].setdefault(name, []).append(test.id)
    return {id_: {name: own[name] for name in WORDS if name in own} for id_, own in found.items()}


def sentence(varied: Iterable[str]) -> str:
    """The words of a table for one requirement."""
    return ", ".join(varied) or "none"


def summary(tests: Catalogue, known: Requirements, told: Mapping[str, Story]) -> str:
    """One line for the check of the catalogue."""
    found = of_requirements(tests, known, told)
    tested = {known[name].id for test in tests.tests for name in test.requirements}
    own = [item for item in known.of("").items if item.id in tested]
    mean = sum(len(found[item.id]) for item in own) / max(1, len(own))
    thin = [item.id for item in own if item.level == "must" and len(found[item.id]) < THIN]
    return (
        f"of {len(WORDS)} dimensions the tests of a requirement vary {mean:.1f} on average; "
        f"fewer than {THIN}: {' '.join(thin) or 'no must'}"
    )
