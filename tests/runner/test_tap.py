# SPDX-License-Identifier: MIT
"""The TAP parser and the judge: exact on what is right, unimpressed by what is not."""

from __future__ import annotations

import images
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pvtest.images.catalogue import parse_tests
from pvtest.stream.judge import judge
from pvtest.stream.lines import MAX_LINE, LineAssembler, printable
from pvtest.stream.model import Verdict
from pvtest.stream.tap import TapParser, fields
from pvtest.stream.yaml_block import YamlError, number, parse_pair

SELECTED = parse_tests(images.catalogue_section()).instances
GOOD = "\n".join(
    ["noise\x1b[2J", "TAP version 14", f"1..{len(SELECTED)}"]
    + [f"ok {n} - {i.id}\n  ---\n  duration_us: 5\n  ..." for n, i in enumerate(SELECTED, 1)]
    + [f"# end: planned={len(SELECTED)} pass={len(SELECTED)} fail=0 error=0 skip=0 duration_us=1", ""]
).encode()


def parse(data: bytes, chunk: int = 7) -> TapParser:
    tap, lines = TapParser(), LineAssembler()
    for begin in range(0, len(data), chunk):
        for line in lines.feed(data[begin : begin + chunk]):
            tap.feed(line)
    for line in lines.flush():
        tap.feed(line)
    return tap


@given(st.integers(1, 100))
def test_good_stream_in_any_pieces(chunk: int) -> None:
    out = judge(parse(GOOD, chunk), SELECTED, "")
    assert out.problems == []
    assert [r.verdict for r in out.results] == [Verdict.PASS] * len(SELECTED)
    assert {r.duration_us for r in out.results} == {5}


@given(st.integers(0, len(GOOD) - 2))
def test_truncated_anywhere_is_never_whole(length: int) -> None:
    out = judge(parse(GOOD[:length]), SELECTED, "")
    assert out.problems
    assert len(out.results) == len(SELECTED)


@given(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=40))
def test_damage_never_raises_and_never_loses_a_test(position: int, damage: bytes) -> None:
    out = judge(parse(GOOD[:position] + damage + GOOD[position + len(damage) :]), SELECTED, "")
    assert [r.instance.id for r in out.results] == [i.id for i in SELECTED]


@given(st.binary(max_size=4000))
def test_garbage_is_an_error(data: bytes) -> None:
    out = judge(parse(b"TAP version 14\n" + data), SELECTED, "")
    assert out.problems and all(r.verdict is not Verdict.PASS for r in out.results)


@given(
    st.lists(
        st.sampled_from(
            ["1..5", "1..0", "ok 1 - cap.page_sizes", "not ok 2 - flush.none@rocker", "  ---", "  ...", "  a: 1", "x"]
            + ['  verdict: "fail"', "Bail out! x", "# end: pass=1", "# panic: x", "ok 99999999 - x # TODO", "  a: "]
        ),
        max_size=30,
    )
)
def test_any_order_of_lines(lines: list[str]) -> None:
    tap = TapParser()
    for line in ["TAP version 14", *lines]:
        tap.feed(line)
    out = judge(tap, SELECTED, "")
    assert len(out.results) == len(SELECTED)
    assert out.problems, "no such stream is whole"


def test_lines_are_bounded() -> None:
    lines = LineAssembler()
    assert lines.feed(b"x" * 1_000_000) == []
    (line,) = lines.feed(b"yyy\n")
    assert len(line) == MAX_LINE
    assert lines.feed(b"ok\r\nnext") == ["ok"]
    assert lines.flush() == ["next"]


def test_escapes_of_a_terminal_go() -> None:
    assert printable("\x1b[2J\x1b[01;01H\x1b[=3hTAP\x07") == "TAP"


def test_id_is_unescaped_and_skip_has_its_reason() -> None:
    (point,) = parse(b"TAP version 14\n1..1\nok 1 - a.b\\#c # SKIP no 5-level \\ tables\n").points
    assert (point.id, point.directive, point.reason) == ("a.b#c", "SKIP", "no 5-level \\ tables")


def test_crash_lines_belong_to_the_test_after_them() -> None:
    tap = parse(b"TAP version 14\n1..2\nok 1 - a.a\n# trap: vector=14\n# frame: rip=0x5 offset=0x1\nnot ok 2 - a.b\n")
    assert [len(point.crash) for point in tap.points] == [0, 2]


def test_running_test_is_guilty_when_the_guest_says_which() -> None:
    tap = parse(b"TAP version 14\n1..5\n# run: tr.leaf_4k@rocker\n# panic: x\n")
    out = judge(tap, SELECTED, "QEMU ended by itself, with exit code 0")
    guilty = [r for r in out.results if r.reason.startswith("was running")]
    assert [r.instance.id for r in guilty] == ["tr.leaf_4k@rocker"] and guilty[0].crash == ["panic: x"]


def test_bad_options_are_told() -> None:
    tap = parse(b'TAP version 14\n1..0\n# options: pvtest.opt line 2: unknown option "x"\nBail out! bad options\n')
    assert 'unknown option "x"' in judge(tap, SELECTED, "").problems[0]


def test_fields() -> None:
    found = fields('vendor="Microsoft Hv" build=1 (defect=none)')
    assert found == {"vendor": "Microsoft Hv", "build": "1", "defect": "none"}


@pytest.mark.parametrize(
    ("line", "pair"),
    [
        ('message: "a \\"b\\" \\\\ \\n \\x41"', ("message", 'a "b" \\ \n A')),
        ("duration_us: 12", ("duration_us", "12")),
        ("actual: 0xa7", ("actual", "0xa7")),
        ('empty: ""', ("empty", "")),
    ],
)
def test_yaml_pair(line: str, pair: tuple[str, str]) -> None:
    assert parse_pair(line) == pair


@pytest.mark.parametrize("line", ['a: "b', 'a: "b"c', 'a: "\\q"', "no colon", ": x", "- a", 'a: "\\"'])
def test_yaml_pair_that_is_none(line: str) -> None:
    with pytest.raises(YamlError):
        parse_pair(line)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_quoted_text_comes_back(text: str) -> None:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    assert parse_pair(f'key: "{escaped}"') == ("key", text)


@given(st.text(max_size=30))
def test_number_is_a_number_or_refused(text: str) -> None:
    try:
        assert number(text) >= 0
    except YamlError:
        pass
