# SPDX-License-Identifier: MIT
"""PE reader, catalogue, selection, requirements and the check that the build makes."""

from __future__ import annotations

from pathlib import Path

import images
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pvtest.dev import check
from pvtest.errors import RunnerError, UsageError
from pvtest.images import requirements
from pvtest.images.boot_volume import BootOptions, Selected, own_first, selection
from pvtest.images.catalogue import load_host, load_tests, parse_host, parse_image, parse_tests
from pvtest.images.pe import ImageError, read_section, section
from pvtest.plan.selection import select

KNOWN = requirements.load()
CATALOGUE = parse_tests(images.catalogue_section())
IMAGE = images.pe({".text": b"x" * 700, ".pvtcat": images.catalogue_section()})


def test_section_is_found_without_its_padding() -> None:
    assert section(IMAGE, ".pvtcat") == images.catalogue_section()
    with pytest.raises(ImageError, match=r"no section \.nope; the image has \.text, \.pvtcat"):
        section(IMAGE, ".nope")


@given(st.integers(0, len(IMAGE) - 1), st.binary(min_size=1, max_size=64))
def test_damaged_image_is_refused_or_read(position: int, damage: bytes) -> None:
    try:
        parse_tests(section(IMAGE[:position] + damage + IMAGE[position + len(damage) :], ".pvtcat"))
    except ImageError:
        pass


@given(st.integers(0, len(IMAGE) - 1))
def test_cut_image(length: int) -> None:
    try:
        parse_tests(section(IMAGE[:length], ".pvtcat"))
    except ImageError:
        pass


@given(st.binary(max_size=300))
def test_any_section(data: bytes) -> None:
    for parse in (parse_tests, parse_image, parse_host):
        try:
            parse(data)
        except ImageError:
            pass


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"catalogue\t9\0", "format '9'"),
        (b"version\t1\0", "states the format"),
        (b"test\tx\0", "2 fields"),
        (b"test", "no end"),
        (b"\xff\xfe\0", "UTF-8"),
    ],
)
def test_bad_section_is_explained(tmp_path: Path, data: bytes, words: str) -> None:
    for name, sections in (("pvtest.efi", {"tests": data}), ("pvtest.debug", {"text": data})):
        build = images.build(tmp_path, **sections)
        with pytest.raises(ImageError, match=name) as caught:
            load_tests(build / "pvtest.efi")
        assert words in str(caught.value)


def test_unknown_class_is_explained() -> None:
    with pytest.raises(ImageError, match="device classes 'x' instead of a character that counts from 0"):
        parse_image(images.image_section().replace(b"\t5\tt", b"\tx\tt"))


LABELS = {
    "PROMISE": "Pages are {state}.",
    "COVERS": "FL-1",
    "DEVICES": "ALL",
    "KINDS": "dma flush",
    "STEPS": "Maps a page, unmaps it and lets the device write.",
    "EXPECTS": "Nothing arrives.",
    "IF_IT_FAILS": "The flush is not carried out.",
    "WORD": "state=gone",
}


def labels_checked(*more: tuple[str, str], without: str = "") -> list[str]:
    """The complaints of the build about a declaration with these labels."""
    pairs = [*(pair for pair in LABELS.items() if pair[0] != without), *more]
    record = "\t".join(("test", "a.b", "tests/a.c:7", *(word for pair in pairs for word in pair))).encode()
    tests = parse_tests(b"catalogue\t4\0" + record + b"\0")
    return check.check(tests, parse_host(images.host_section()), KNOWN)


def test_labels_of_a_test_and_its_variant_add_up() -> None:
    assert not labels_checked(("COVERS", "LS-1"), ("KINDS", "fault"), ("LEVEL", "observe"))
    labels = {**LABELS, "COVERS": "FL-1 LS-1", "DEVICES": "dmaprobe_ats"}
    test = parse_tests(b"catalogue\t4\0" + images.declaration("a.b", labels)).tests[0]
    assert test.title == "Pages are gone." and test.requirements == ("FL-1", "LS-1")
    assert test.classes == ("dmaprobe+ats",)


@pytest.mark.parametrize("label", [label for label in LABELS if label != "WORD"])
def test_a_missing_label_fails_the_build(label: str) -> None:
    assert f"tests/a.c:7: test a.b: label {label} is missing" in labels_checked(without=label)


@pytest.mark.parametrize(
    ("label", "text", "words"),
    [
        ("SHOWS", "x", "unknown label SHOWS; known: PROMISE, COVERS"),
        ("PROMISE", "again", "label PROMISE is given twice"),
        ("WORD", "state=back", "WORD(state) is given twice"),
    ],
)
def test_a_wrong_label_fails_the_build(label: str, text: str, words: str) -> None:
    assert any(words in problem for problem in labels_checked((label, text)))


def test_words_and_devices_must_be_known() -> None:
    assert "tests/a.c:7: test a.b: PROMISE: there is no WORD(state, ...)" in labels_checked(without="WORD")
    found = labels_checked(("DEVICES", "SOME"), without="DEVICES")
    assert any("unknown devices 'SOME'; known: NONE, ALL, DEFERRED" in problem for problem in found)


def test_files_of_two_builds_are_refused(tmp_path: Path) -> None:
    build = images.build(tmp_path, text=images.catalogue_section(images.TESTS[1:]))
    with pytest.raises(ImageError, match="pvtest.debug does not belong to .*pvtest.efi"):
        load_tests(build / "pvtest.efi")
    (build / "pvtest.debug").write_bytes(images.elf({".other": b""}))
    with pytest.raises(ImageError, match="pvttext: there is none"):
        load_tests(build / "pvtest.efi")


NO_SENTENCE = "(its sentence is in refhost.debug, which is not there or of another build)"


def host_of(folder: Path, debug: bytes | None) -> list[str]:
    """The sentences of a host that leaves them to its debug file."""
    build = images.build(folder, host=images.without_sentences(images.host_section()))
    if debug is not None:
        (build / "refhost.debug").write_bytes(debug)
    host = load_host(build / "refhost.efi")
    assert [one.requirements for one in host.defects] == [("CAP-1",), ("FL-1",)]
    return [one.title for one in (*host.defects, *host.variants)]


def test_sentences_of_the_host_come_from_its_debug_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert host_of(tmp_path, images.elf({".pvttext": images.sentences_section()})) == [
        *("A capability is missing.", "A flush does nothing."),
        *("answers with another status", "flushes too much"),
    ]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("debug", "words"),
    [
        (None, "does not exist"),
        (b"text", "not an ELF file that can be read"),
        (images.elf({".other": b""}), "there is none"),
        (images.elf({".pvttext": b"sentences\t2\0"}), "format '2' of the sentences"),
        (images.elf({".pvttext": b"defect\tlazy\tx\0"}), "states the format"),
        (images.elf({".pvttext": b"sentences\t1\0defect\tlazy\0"}), "2 fields"),
    ],
)
def test_a_host_without_sentences_is_known_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], debug: bytes | None, words: str
) -> None:
    assert set(host_of(tmp_path, debug)) == {NO_SENTENCE}
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and words in told
    assert f"{tmp_path}/refhost.efi: what its defects and variants do is not known, their names and" in told
    assert check.check(CATALOGUE, load_host(tmp_path / "refhost.efi"), KNOWN)[0] == (
        "defect lazy: neither the image nor its debug file has its sentence"
    )


def test_sentences_of_another_build_are_not_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    host, debug = tmp_path / "refhost.efi", tmp_path / "refhost.debug"
    note = bytes(16) + b"\x11" * 20
    host.write_bytes(images.pe({".pvtcat": images.without_sentences(images.host_section()), ".buildid": note}))
    debug.write_bytes(images.elf({".pvttext": images.sentences_section(), ".buildid": note[:-20] + b"\x22" * 20}))
    assert {one.title for one in load_host(host).defects} == {NO_SENTENCE}
    assert f"{debug} is of build 2222222222222222, not of 1111111111111111" in capsys.readouterr().err


def test_missing_image(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="make image"):
        read_section(tmp_path / "no.efi", ".pvtcat")


def test_instances_are_in_the_order_of_the_run() -> None:
    assert [i.id for i in CATALOGUE.instances] == [
        "cap.page_sizes",
        "flush.none@rocker",
        "flush.unmap@rocker",
        "flush.unmap@dmaprobe",
        "tr.leaf_4k@rocker",
    ]


@pytest.mark.parametrize(
    ("globs", "count"),
    [
        ([], 5),
        (["flush"], 3),
        (["flush.*"], 3),
        (["flush.unmap"], 2),
        (["*@dmaprobe"], 1),
        (["fl-1"], 2),
        (["FL-*"], 2),
        (["GEN-1"], 1),  # flush.none names the alias GEN-3
        (["gen-3", "cap"], 2),
    ],
)
def test_selection(globs: list[str], count: int) -> None:
    assert len(select(CATALOGUE, KNOWN, globs)) == count


def test_selection_of_nothing_suggests() -> None:
    with pytest.raises(UsageError, match="Did you mean .*flush.unmap"):
        select(CATALOGUE, KNOWN, ["flush.unmapp"])


def test_options_name_as_little_as_possible() -> None:
    def words(*globs: str) -> Selected:
        return selection(CATALOGUE, select(CATALOGUE, KNOWN, globs))

    assert words() == Selected([], [], "quick")
    assert words("flush.unmap", "cap") == Selected(["cap.page_sizes", "flush.unmap"], [], "quick")
    assert words("*@dmaprobe") == Selected(["*@dmaprobe"], [], "quick")
    assert words("!*@dmaprobe") == Selected([], ["*@dmaprobe"], "quick")
    assert words("!*@*") == Selected([], ["*@rocker", "*@dmaprobe"], "quick")
    assert words("*@*") == Selected(["*@rocker", "*@dmaprobe"], [], "quick")
    assert words("flush.unmap@rocker", "cap") == Selected(["cap.page_sizes", "flush.unmap@rocker"], [], "quick")
    options = BootOptions(
        seed=3, repeat=2, fixture="hang", tests=["a.b"], without=["*@x"], defects=["x", "y"], bench=True, verbose=1
    )
    options.host_log = 2
    assert BootOptions(deadline_ms=500, answer_ms=200).guest_text() == "seed=1\ndeadline_ms=500\nanswer_ms=200\n"
    assert options.guest_text() == "seed=3\ntest=a.b\nwithout=*@x\nrepeat=2\nverbose=1\nbench=1\nfixture=hang\n"
    assert options.host_text() == "defect=x\ndefect=y\ncaching=adversarial\nseed=3\nbus=vpci\nbench=1\nlog=2\n"


def test_options_put_some_instances_before_the_others() -> None:
    def words(first: int, *globs: str) -> Selected:
        chosen = select(CATALOGUE, KNOWN, globs)
        return own_first(CATALOGUE, chosen[-1:] + chosen[:-1], first)

    assert words(1) == Selected(["tr.leaf_4k@rocker", "*"], [], "quick")
    assert words(1, "!*@dmaprobe") == Selected(["tr.leaf_4k@rocker", "*"], ["*@dmaprobe"], "quick")
    assert words(1, "*@rocker") == Selected(["tr.leaf_4k@rocker", "*@*"], ["*@dmaprobe"], "quick")
    assert words(1, "*@*") == Selected(["tr.leaf_4k@rocker", "*@*"], [], "quick"), "not class by class"
    assert words(0, "cap", "flush.unmap@rocker") == Selected(["flush.unmap@rocker", "cap.page_sizes"], [], "quick")


def test_requirements_file() -> None:
    assert KNOWN["GEN-5"].id == "GEN-1"
    numbered = sorted(item.number for item in KNOWN.items if not item.unit)
    assert len(numbered) >= 132, "a number is never given up"
    assert numbered == list(range(1, len(numbered) + 1))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"id": ""}, "id is missing"),
        ({"group": "nope"}, "unknown group 'nope'"),
        ({"level": "perhaps"}, "unknown level"),
        ({"basis": "hearsay"}, "unknown basis"),
        ({"aliases": ["A-1"]}, "given twice"),
    ],
)
def test_bad_requirement(change: dict, words: str) -> None:
    entry = {"id": "A-1", "number": 1, "group": "g", "text": "t", "basis": "code", "level": "must", **change}
    with pytest.raises(RunnerError, match=words):
        requirements.parse({"groups": {"g": "x"}, "requirement": [entry]})


def problems(*tests: tuple[str, ...], defects: tuple = images.DEFECTS, variants: tuple = images.VARIANTS) -> str:
    host = parse_host(images.host_section(defects, variants))
    found = check.check(parse_tests(images.catalogue_section(tests)), host, KNOWN)
    return "\n".join(found)


def test_check_of_a_good_catalogue() -> None:
    assert problems(*images.TESTS) == ""


@pytest.mark.parametrize(
    ("test", "words"),
    [
        (("a.b", "FL-99", "-", "-", "test"), "unknown requirement 'FL-99'"),
        (("a.b", "-", "-", "-", "test"), "names no requirement"),
        (("a.b", "FL-1", "rocker,rocker", "-", "test"), "given twice"),
        (("a.b", "FL-1", "-", "magic", "test"), "unknown kind 'magic'"),
        (("a.b", "FL-1", "-", "-", "maybe"), "unknown level 'maybe'"),
        (("NoDot", "FL-1", "-", "-", "test"), "must look like"),
    ],
)
def test_check_finds(test: tuple[str, ...], words: str) -> None:
    assert words in problems(test)


def test_check_finds_duplicates_and_bad_defects() -> None:
    assert "test tr.leaf_4k is declared 2 times" in problems(*images.TESTS, images.TESTS[-1])
    assert "catalogue has no test" in problems()
    assert "defect x: unknown requirement 'Q-1'" in problems(*images.TESTS, defects=(("x", "Q-1", "t"),))
    assert "defect or variant x is declared 2 times" in problems(*images.TESTS, defects=(("x", "FL-1", "t"),) * 2)


def test_check_finds_bad_variants() -> None:
    assert "variant x: unknown requirement 'Q-1'" in problems(*images.TESTS, variants=(("x", "Q-1", "t"),))
    assert "variant x: names no requirement" in problems(*images.TESTS, variants=(("x", "-", "t"),))
    assert "variant X y: the name must be" in problems(*images.TESTS, variants=(("X y", "FL-1", "t"),))
    name = images.DEFECTS[0][0]
    assert f"{name} is declared 2 times" in problems(*images.TESTS, variants=((name, "FL-1", "t"),))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"defects\t1\0", "no record 'variants'"),
        (b"variants\t1\0", "no record 'defects'"),
        (b"defects\t1\0variants\t4\0", "format '4' of the list of variants"),
        (b"defects\t1\0variants\t1\0variant\tx\0", "2 fields"),
    ],
)
def test_bad_host_section_is_explained(data: bytes, words: str) -> None:
    with pytest.raises(ImageError, match=words):
        parse_host(data)


def test_requirements_have_numbers_of_their_own() -> None:
    entry = {"group": "a", "text": "t", "basis": "code", "level": "must"}
    one, other = ({"id": name, "number": 7, **entry} for name in ("A-1", "A-2"))
    with pytest.raises(RunnerError, match="number 7 is that of several requirements: A-1, A-2"):
        requirements.parse({"groups": {"a": "A"}, "requirement": [one, other]})
    other["number"] = 8
    assert len(requirements.parse({"groups": {"a": "A"}, "requirement": [one, other]})) == 2
