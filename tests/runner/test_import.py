# SPDX-License-Identifier: MIT
"""Results that no runner watched: a stream in a file becomes a run, and says what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Runner, latest, true_to
from hypothesis import given
from hypothesis import strategies as st
from pvtest.cli import importing
from pvtest.errors import UsageError
from pvtest.images import requirements
from pvtest.images.catalogue import Catalogue, Test

SOME = ("cap.page_sizes", "flush.unmap@dmaprobe")
FACTS = """\
# pvtest: version=9.9 seed=7 repeat=1 options="pvtest.opt" tsc_hz=1 clock=ACPI PM timer
# hypervisor: vendor="Microsoft Hv" max_leaf=0x4000000c
# pviommu: iova_bits=47 cap=0x5
# device: class=rocker bdf=00:01.0 id=0x8
# alone: generation=1 boots=2 restarts=1 cut=0
# boot: number=1 end="panic" guilty=flush.unmap@dmaprobe results=1
# boot: number=2 end="all tests had run" guilty=none results=2
"""


def stream(verdicts: dict[str, str], facts: str = FACTS, planned: int | None = None) -> str:
    """As the image writes it on the boot volume."""
    out = [f"TAP version 14\n1..{len(verdicts) if planned is None else planned}\n{facts}"]
    for place, (name, verdict) in enumerate(verdicts.items(), 1):
        ok = "ok" if verdict in ("pass", "skip") else "not ok"
        out.append(f"{ok} {place} - {name}{' # SKIP no reason' if verdict == 'skip' else ''}\n  ---\n")
        if ok == "not ok":
            out.append(f'  verdict: "{verdict}"\n  message: "broke"\n')
        out.append("  duration_us: 1500\n  ...\n")
    counts = " ".join(f"{word}={list(verdicts.values()).count(word)}" for word in ("pass", "fail", "error", "skip"))
    return "".join(out) + f"# end: planned={len(verdicts)} {counts} duration_us=3000\n"


@pytest.mark.parametrize(("verdict", "code"), [("pass", 0), ("fail", 1), ("error", 2), ("skip", 2)])
def test_exit_code_and_formats_are_those_of_a_run(runner: Runner, tmp_path: Path, verdict: str, code: int) -> None:
    (tmp_path / "results.tap").write_text(stream({SOME[0]: "pass", SOME[1]: verdict}))
    done = runner("import", str(tmp_path))
    assert done.returncode == code, done.stdout + done.stderr
    found = latest(tmp_path)
    true_to("results", found)
    assert {test["id"]: test["verdict"] for test in found["tests"]} == {SOME[0]: "pass", SOME[1]: verdict}
    assert found["seed"] == 7 and found["host"]["vendor"] == "Microsoft Hv"
    assert found["capabilities"]["iova_bits"] == "47"
    assert [(boot["reported"], boot["interruption"], boot["guilty"]) for boot in found["boots"]] == [
        (1, "panic", SOME[1]),
        (1, "", ""),
    ]
    names = {path.name for path in (tmp_path / "results" / "latest").iterdir()}
    assert {"results.json", "results.tap", "junit.xml", "results.md", "report.html", "profile.json"} <= names


def test_serial_log_with_firmware_in_front(runner: Runner, tmp_path: Path) -> None:
    log = tmp_path / "com1.log"
    log.write_bytes(b"\x1b[2JBdsDxe: starting\r\n\xff\xfe" + stream(dict.fromkeys(SOME, "pass")).encode())
    done = runner("import", str(log))
    assert done.returncode == 0, done.stdout + done.stderr


def test_truncated_stream_is_an_error(runner: Runner, tmp_path: Path) -> None:
    log = tmp_path / "com1.log"
    log.write_text(stream(dict.fromkeys(SOME, "pass")).partition("# end:")[0])
    assert runner("import", str(log)).returncode == 2
    assert any("truncated" in problem for problem in latest(tmp_path)["problems"])


def test_result_that_was_left_out_is_an_error(runner: Runner, tmp_path: Path) -> None:
    log = tmp_path / "com1.log"
    log.write_text(stream(dict.fromkeys(SOME, "pass"), planned=3))
    assert runner("import", str(log)).returncode == 2
    assert any("planned 3 tests" in problem for problem in latest(tmp_path)["problems"])


def test_whole_catalogue_names_what_is_missing(runner: Runner, tmp_path: Path) -> None:
    log = tmp_path / "com1.log"
    log.write_text(stream({SOME[0]: "pass"}, planned=5))
    assert runner("import", str(log)).returncode == 2
    verdicts = {test["id"]: test["verdict"] for test in latest(tmp_path)["tests"]}
    assert len(verdicts) == 5 and verdicts[SOME[0]] == "pass" and verdicts["tr.leaf_4k@rocker"] == "error"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "No such file or directory"),
        ("", "no line 'TAP version 14'"),
        (stream({"no.such": "pass"}), "'no.such' is no test of this suite (version 9.9)"),
        (stream({SOME[0]: "pass"}, FACTS.replace("9.9", "1.0")), "was made by version 1.0; this is version 9.9"),
        (stream({SOME[0]: "pass"}, FACTS.replace("seed=7", "seed=x")), "# pvtest: seed:"),
        ("TAP version 14\n1..2\n", "no result in it"),
    ],
)
def test_bad_file_is_a_usage_error(runner: Runner, tmp_path: Path, text: str | None, message: str) -> None:
    log = tmp_path / "com1.log"
    if text is not None:
        log.write_text(text)
    done = runner("import", str(log))
    assert done.returncode == 3 and message in done.stderr, done.stderr
    assert str(log) in done.stderr
    assert not (tmp_path / "results").exists()


CATALOGUE = Catalogue((Test("a.b", "a", "Promise.", ("CAP-1",), (), (), "test", "tests/a.c:1"),), "9.9")


@given(
    st.binary(max_size=300), st.sampled_from(["", "# pvtest: version=9.9 seed=0 repeat=0\n", "# boot: results=-1\n"])
)
def test_any_content_is_a_run_or_a_usage_error(
    tmp_path_factory: pytest.TempPathFactory, tail: bytes, facts: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.tap"
    path.write_bytes(f"TAP version 14\n1..1\n{facts}ok 1 - a.b\n".encode() + tail)
    try:
        run = importing.run_of(path, CATALOGUE, requirements.load())
    except UsageError as error:
        assert str(path) in str(error)
        return
    assert len(run.results) == len(run.selected) == 1


def test_judged_results_are_not_a_stream(runner: Runner, tmp_path: Path) -> None:
    """A run writes a results.tap of its own, in which nothing tells of the machine and its end."""
    assert runner().returncode == 0
    done = runner("import", str(tmp_path / "results" / "latest" / "results.tap"))
    assert done.returncode == 3 and "judged results" in done.stderr and "serial.log" in done.stderr
    assert runner("import", str(tmp_path / "results" / "latest" / "serial.log")).returncode == 0
