# SPDX-License-Identifier: MIT
"""The pages that are made from the requirements, the tests and the parsers."""

from __future__ import annotations

import re
from pathlib import Path

import images
import pytest
from conftest import ROOT
from pvtest import paths
from pvtest.dev import check, docs
from pvtest.images import requirements
from pvtest.images.catalogue import load_host, load_tests, parse_host, parse_tests
from pvtest.images.stories import Story
from pvtest.plan import dimensions

BUILT = all(path.exists() for path in (paths.GUEST_IMAGE, paths.GUEST_DEBUG, paths.HOST_IMAGE))
CATALOGUE = parse_tests(images.catalogue_section())
HOST = parse_host(images.host_section())
STORY = Story(
    "flush.unmap", "Maps a page [twice], then a|b.", "Nothing *more* arrives.", "A cache keeps <stale> entries."
)


def known(*entries: tuple[str, str]) -> requirements.Requirements:
    """Requirements with these ids and reasons."""
    items = [
        {"id": name, "group": "g", "text": f"Text of {name}.", "basis": "code", "level": "must"}
        | ({"reason": reason} if reason else {})
        for name, reason in entries
    ]
    return requirements.parse({"groups": {"g": "About g."}, "requirement": items})


SMALL = known(
    *((name, "") for name in ("CAP-1", "CAP-6", "FL-1", "FL-2", "FL-4", "FL-7", "GEN-3", "TR-1")), ("X-1", "No")
)
PAGES = docs.pages(CATALOGUE, HOST, SMALL, {STORY.id: STORY}, "..")


@pytest.mark.skipif(not BUILT, reason="the images are not built")
def test_pages_can_be_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(paths, "MADE_DOCS", tmp_path / "new" / "docs")
    docs.main()
    made = {path.name: path.read_text(encoding="utf-8") for path in paths.MADE_DOCS.iterdir()}
    assert made == docs.generated("../..")
    assert set(made) == {"catalogue.md", "requirements.md", "pvtest.1", "completion.bash"}
    assert all(f"### {test.id}\n" in made["catalogue.md"] for test in load_tests().tests)
    assert all(f'<a id="{item.id.lower()}">' in made["requirements.md"] for item in requirements.load().items)


def anchors(text: str) -> list[str]:
    """The anchors of the page."""
    return [docs.slug(line) for line in re.findall(r"^#+ (.*)$", text, re.MULTILINE)] + re.findall(
        r'<a id="(.*?)">', text
    )


@pytest.mark.parametrize("made_up", [True, False])
def test_every_link_leads_somewhere(made_up: bool) -> None:
    if not made_up and not BUILT:
        pytest.skip("the images are not built")
    made = PAGES if made_up else docs.generated("..")
    texts = {name: made[name] for name in docs.PAGES}
    known_anchors = {name: anchors(text) for name, text in texts.items()}
    for name, text in texts.items():
        assert len(set(known_anchors[name])) == len(known_anchors[name]), "an anchor is there twice"
        for file, anchor in re.findall(r"(?<!\\)\]\(([^)#]*)#?([^)]*)\)", text):
            if anchor:
                assert anchor in known_anchors[file or name], f"{name}: {file}#{anchor}"
            elif not made_up:
                found = (paths.DOCS / file).resolve()
                assert file in docs.PAGES or (found.is_relative_to(ROOT) and found.exists()), file


def test_catalogue_tells_the_story() -> None:
    text = PAGES["catalogue.md"]
    assert "4 tests, 5 instances" in text
    assert "### flush.unmap\n\nPromise of flush.unmap.\n\n* **Steps:** Maps a page \\[twice\\], then a\\|b.\n" in text
    assert (
        "* **Expected:** Nothing \\*more\\* arrives.\n* **A failure means:** A cache keeps &lt;stale&gt; entries.\n"
        in text
    )
    assert "* **Requirements:** [FL-1](requirements.md#fl-1), [FL-2](requirements.md#fl-2)\n" in text
    assert "**source:** [tests/flush.c](../tests/flush.c)\n* **Defects:** no-flush\n" in text
    assert "\n\n\n" not in text and " \n" not in text


def test_requirements_name_tests_defects_and_reasons() -> None:
    text = PAGES["requirements.md"]
    row = next(line for line in text.splitlines() if line.startswith('| <a id="fl-1">'))
    assert row.endswith("| [flush.unmap](catalogue.md#flushunmap) | [no-flush](#defect-no-flush) | |")
    row = next(line for line in text.splitlines() if line.startswith('| <a id="x-1">'))
    assert row.endswith("| **no test:** No |  | |")
    assert "**5 of 9**" in " ".join(text.split())


def test_what_tests_vary_is_derived_from_their_words() -> None:
    test = CATALOGUE.tests[0]
    story = Story(test.id, "A second device writes to the last byte, 70 times.", "It is undisturbed.", "")
    found = dimensions.of_test(test, story)
    assert {"count", "second device", "bystander", "edge"} <= set(found) and "second processor" not in found
    assert [name for name in dimensions.WORDS if name in found] == found  # in one order


def test_each_dimension_is_on_the_page() -> None:
    page = (ROOT / dimensions.PAGE).read_text(encoding="utf-8")
    assert [row.split(" | ")[0][2:] for row in page.splitlines() if row.startswith("| ")][1:] == list(dimensions.WORDS)


def test_long_lists_are_folded() -> None:
    assert docs.cell(["a", "b"]) == "a<br>b"
    assert docs.cell(list("abcdefg")) == "<details><summary>7</summary>a<br>b<br>c<br>d<br>e<br>f<br>g</details>"


def test_reasons_are_needed_and_must_go() -> None:
    problems = check.check_reasons(CATALOGUE, known(("CAP-1", "Why"), ("FL-1", ""), ("X-1", "No"), ("X-2", "")))
    assert [problem.partition(": ")[2] for problem in problems] == [
        "requirement CAP-1: a test names it, so that its reason has to go",
        "requirement X-2: no test names it, so that it needs a reason",
    ]


TEXT = "Words that are long enough for anything."


@pytest.mark.parametrize(
    ("story", "words"),
    [
        (("flush.unmap", "", TEXT, TEXT), "STEPS has 0 characters; 20 to"),
        (("flush.unmap", TEXT, TEXT * 50, TEXT), "EXPECTS has 2000 characters; 10 to"),
        (("flush.unmap", TEXT, TEXT, TEXT[:-1]), "IF_IT_FAILS does not end with a full stop"),
        (("flush.unmap", TEXT, "Promise of flush.unmap.", TEXT), "EXPECTS only repeats the promise"),
    ],
)
def test_stories_are_checked(story: tuple[str, str, str, str], words: str) -> None:
    told = {test.id: Story(test.id, TEXT, TEXT, TEXT) for test in CATALOGUE.tests}
    assert not check.check_stories(CATALOGUE, told)
    found = check.check_stories(CATALOGUE, {**told, story[0]: Story(*story)})
    assert len(found) == 1 and words in found[0], found


@pytest.mark.skipif(not BUILT, reason="the images are not built")
def test_numbers_of_the_readme() -> None:
    tests, host, wanted = load_tests().of(""), load_host(), requirements.load().of("")
    covered = {wanted[name].id for test in tests.tests for name in test.requirements}
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    defects, variants = len(host.defects), len(host.variants)
    for words in (
        f"knows {defects} ways to get the ABI wrong and {variants} ways to get it right otherwise",
        f"{defects} of {defects} caught",
        f"{variants} of {variants} pass",
        f"of the {len(wanted)} statements",
        f"| {len(covered)} covered |",
        f"{defects} broken hosts",
        f"{variants} hosts that are right in another way",
    ):
        assert words in text, f"README.md does not say: {words}"


@pytest.mark.skipif(not BUILT, reason="the images are not built")
def test_every_variant_is_among_the_choices() -> None:
    text = (paths.DOCS / "host-choices.md").read_text(encoding="utf-8")
    missing = [variant.name for variant in load_host().variants if f"`{variant.name}`" not in text]
    assert not missing, f"docs/host-choices.md does not say where these differ: {', '.join(missing)}"


@pytest.mark.skipif(not BUILT, reason="the images are not built")
def test_examples_name_tests_that_there_are() -> None:
    known = {instance.id for instance in load_tests().instances}
    for name in ("README.md", "docs/runner.md"):
        named = set(re.findall(r"[a-z-]+\.[a-z0-9_]+@[a-z]+", (ROOT / name).read_text(encoding="utf-8")))
        assert named and named <= known, f"{name}: {named - known}"


def test_every_option_of_the_images_is_told() -> None:
    """The keys that the parsers of guest and host know are in the table of docs/output-format.md."""
    text = (paths.DOCS / "output-format.md").read_text(encoding="utf-8").partition("### The stream on COM1")[0]
    for name in ("tests/harness/options.c", "host/launch/host_options.c"):
        keys = re.findall(r'if \(strcmp\(key, "([\w-]+)"\)', (ROOT / name).read_text(encoding="utf-8"))
        assert len(keys) > 5
        assert not [key for key in keys if f"`{key}=" not in text], name
