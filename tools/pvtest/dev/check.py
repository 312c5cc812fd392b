# SPDX-License-Identifier: MIT
"""`check-catalogue`: the build fails when tests, defects, variants and requirements do not fit together."""

from __future__ import annotations

import argparse
from collections import Counter

from pvtest import paths
from pvtest.errors import EXIT_FAIL, EXIT_OK, suggest
from pvtest.images import catalogue, requirements, sentences
from pvtest.images.catalogue import Catalogue, HostCatalogue, Switch, Test
from pvtest.images.requirements import Requirements
from pvtest.images.stories import Story, stories
from pvtest.plan import dimensions

# Characters that each part of a story has: enough to say something, and no more than is read after a failure.
STORY_LENGTHS = {"STEPS": (20, 700), "EXPECTS": (10, 400), "IF_IT_FAILS": (20, 500)}


def _check_words(words: tuple[str, ...], known: tuple[str, ...], what: str) -> list[str]:
    problems = [f"unknown {what} {word!r}; known: {', '.join(known)}" for word in words if word not in known]
    if len(set(words)) != len(words):
        problems.append(f"a {what} is given twice: {', '.join(words)}")
    return problems


def _check_requirements(ids: tuple[str, ...], known: Requirements) -> list[str]:
    problems = [f"unknown requirement {name!r}.{suggest(name, known.ids)}" for name in ids if name not in known]
    if not ids:
        problems.append("names no requirement")
    return problems


def _check_test(test: Test, known: Requirements) -> list[str]:
    problems = _check_requirements(test.requirements, known)
    problems += _check_words(test.classes, catalogue.CLASSES, "device class")
    problems += _check_words(test.kinds, catalogue.KINDS, "kind")
    problems += _check_words((test.level,), catalogue.LEVELS, "level")
    problems += _check_words((test.tier,), ("", catalogue.DECLARED_TIER), "tier")
    if not catalogue.TEST_ID.fullmatch(test.id):
        problems.append("the id must look like group.what_is_promised, in small letters")
    problems += test.problems
    for name in test.requirements:
        if name in known and known[name].unit not in ("", test.unit):
            problems.append(f"{name} is a statement about {known[name].unit} alone, which a label UNIT() has to say")
    return [f"{test.where}: test {test.id}: {problem}" for problem in problems]


def _duplicates(names: list[str], what: str) -> list[str]:
    return [f"{what} {name} is declared {count} times" for name, count in Counter(names).items() if count > 1]


def _check_switch(switch: Switch, word: str, known: Requirements) -> list[str]:
    problems = _check_requirements(switch.requirements, known.of(""))
    if not catalogue.SWITCH_ID.fullmatch(switch.name):
        problems.append("the name must be small letters and digits, joined by '-', '_' or '.'")
    if not switch.title or switch.title == sentences.UNKNOWN.format(name=paths.HOST_DEBUG.name):
        problems.append("neither the image nor its debug file has its sentence")
    return [f"{word} {switch.name}: {problem}" for problem in problems]


def check(tests: Catalogue, host: HostCatalogue, known: Requirements) -> list[str]:
    """All that is wrong, one sentence each."""
    problems = _duplicates([test.id for test in tests.tests], "test")
    problems += _duplicates([switch.name for switch in (*host.defects, *host.variants)], "defect or variant")
    for test in tests.tests:
        problems += _check_test(test, known)
    for defect in host.defects:
        problems += _check_switch(defect, "defect", known)
    for variant in host.variants:
        problems += _check_switch(variant, "variant", known)
    if not tests.tests:
        problems.append("the catalogue has no test")
    return problems


def _check_story(story: Story, test: Test) -> list[str]:
    problems = []
    parts = (story.steps, story.expected, story.failure)
    for (label, (low, high)), text in zip(STORY_LENGTHS.items(), parts, strict=True):
        if not low <= len(text) <= high:
            problems.append(f"{label} has {len(text)} characters; {low} to {high} are asked for")
        if text and not text.endswith("."):
            problems.append(f"{label} does not end with a full stop")
        if text.rstrip(".") == test.title.rstrip("."):
            problems.append(f"{label} only repeats the promise")
    return [f"{test.where}: test {test.id}: {problem}" for problem in problems]


def check_stories(tests: Catalogue, told: dict[str, Story]) -> list[str]:
    """The texts for the reader of a failure must not be empty or too long."""
    return [problem for test in tests.tests for problem in _check_story(told[test.id], test)]


def check_reasons(tests: Catalogue, known: Requirements) -> list[str]:
    """A requirement needs a test, or the reason why there is none."""
    covered = {known[name].id for test in tests.tests for name in test.requirements if name in known}
    problems = []
    for item in known.items:
        if item.id not in covered and not item.reason:
            problems.append(f"requirement {item.id}: no test names it, so that it needs a reason")
        if item.id in covered and item.reason:
            problems.append(f"requirement {item.id}: a test names it, so that its reason has to go")
    return [f"abi/requirements.toml: {problem}" for problem in problems]


def _covered(tests: Catalogue, known: Requirements, unit: str) -> str:
    """Of a unit that the image drives itself, its own statements."""
    own = {item.id for item in known.items if item.unit == unit}
    covered = own & {known[name].id for test in tests.tests for name in test.requirements}
    return f"{len(covered)} of {len(own)} " + (f"of {unit}" if unit else "requirements covered")


def main(_options: argparse.Namespace) -> int:
    """Checks the built images; prints what is wrong."""
    tests, host, known = catalogue.load_tests(), catalogue.load_host(), requirements.load()
    told = stories()
    problems = check(tests, host, known) + check_stories(tests, told) + check_reasons(tests, known)
    for problem in problems:
        print(f"check-catalogue: {problem}")
    if problems:
        return EXIT_FAIL
    print(
        f"  CHECK {len(tests.tests)} tests ({len(tests.instances)} instances), {len(host.defects)} defects, "
        f"{len(host.variants)} variants, {'; '.join(_covered(tests, known, unit) for unit in requirements.UNITS)}"
    )
    print(f"  CHECK {dimensions.summary(tests, known, told)}")
    return EXIT_OK
