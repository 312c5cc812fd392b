# SPDX-License-Identifier: MIT
"""Crash reports: what the images print becomes registers, functions and source lines."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from conftest import Runner, true_to
from fake_guest import HOST_CRASH
from hypothesis import given
from hypothesis import strategies as st
from pvtest import paths
from pvtest.stream import crash, symbols
from pvtest.stream.tap import TapParser

SOURCE = """\
int depth;

__attribute__((noinline)) int inner(int value)
{
    depth += value;
    return *(volatile int *)0 + depth;
}

int outer(int value)
{
    return inner(value + 1) * 2;
}
"""
GUEST_CRASH = """\
refhost: guest-panic: triple fault
refhost: guest-regs: rip=0x%x rsp=0x1000 cs=0x8 ss=0x10 rflags=0x2 rax=0x0
refhost: guest-frame: rip=0x%x
refhost: guest-frame: rip=0x%x
refhost: the guest shut down (triple fault)
"""


class Image:
    """A small image with its debug information and its source."""

    def __init__(self, folder: Path):
        (folder / "lib").mkdir()
        (folder / "lib" / "depth.c").write_text(SOURCE)
        self.root = folder
        self.debug = folder / "image.debug"
        flags = ["-g", "-O1", "-fno-omit-frame-pointer", "-ffreestanding", "-nostdlib", "-shared", "-fpic"]
        flags += [f"-ffile-prefix-map={folder}=.", "-Wl,--build-id=none", "-fcf-protection=none"]
        subprocess.run(["gcc", *flags, "lib/depth.c", "-o", str(self.debug)], cwd=folder, check=True, timeout=60)

    def address(self, name: str) -> int:
        listing = subprocess.run(["nm", str(self.debug)], capture_output=True, text=True, check=True, timeout=60).stdout
        return next(int(line.split()[0], 16) for line in listing.splitlines() if line.endswith(f" T {name}"))

    def after_call(self) -> int:
        """The return address in outer()."""
        command = ["objdump", "-d", "--no-show-raw-insn", str(self.debug)]
        lines = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()
        calls = [n for n, line in enumerate(lines) if "call" in line and "inner" in line]
        return int(lines[calls[0] + 1].split(":")[0], 16)


@pytest.fixture(name="image")
def _image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Image:
    image = Image(tmp_path)
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(paths, "HOST_DEBUG", image.debug)
    monkeypatch.setattr(paths, "GUEST_DEBUG", image.debug)
    return image


def test_three_source_lines_for_each_frame(image: Image) -> None:
    lines = ["trap: vector=14", f"frame: rip=0x0 offset={image.address('inner'):#x}"]
    lines.append(f"frame: rip=0x0 offset={image.after_call():#x}")
    first, second = symbols.resolve(lines, image.debug)
    line = int(first.source.removeprefix("lib/depth.c:"))
    assert first.function == "inner" and line in (4, 5), "gcc may give the opening brace no code"
    text = SOURCE.splitlines()
    assert first.code == [(number, text[number - 1]) for number in (line - 1, line, line + 1)]
    # The return address is after the call; the report gives the line of the call.
    assert (second.function, second.source) == ("outer", "lib/depth.c:11")
    assert [line for line, _ in second.code] == [10, 11, 12]


def test_without_registers_every_frame_is_a_return_address(image: Image) -> None:
    (frame,) = symbols.resolve([f"frame: rip=0x0 offset={image.after_call():#x}"], image.debug)
    assert frame.source == "lib/depth.c:11"


def test_sources_that_are_not_there_cost_the_lines_alone(image: Image) -> None:
    (image.root / "lib" / "depth.c").unlink()
    symbols.source_lines.__globals__["_source"].cache_clear()
    (frame,) = symbols.resolve([f"frame: rip=0x0 offset={image.address('outer') + 1:#x}"], image.debug)
    assert frame.function == "outer" and frame.source.startswith("lib/depth.c:") and frame.code == []


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "lib/../../secret", "lib", "nothing.c"])
def test_no_line_from_outside_of_the_tree(tmp_path: Path, name: str) -> None:
    (tmp_path / "tree" / "lib").mkdir(parents=True)
    (tmp_path / "secret").write_text("a\nb\nc\n")
    assert symbols.source_lines(tmp_path / "tree", name, 2) == []


@pytest.mark.parametrize(
    ("line", "numbers"), [(1, [1, 2]), (2, [1, 2, 3]), (3, [2, 3]), (0, []), (4, []), (-1, []), (1 << 40, [])]
)
def test_lines_at_the_ends_of_a_file(tmp_path: Path, line: int, numbers: list[int]) -> None:
    (tmp_path / "a.c").write_text("one\n\x1b[31mtwo\nthree\n")
    found = symbols.source_lines(tmp_path, "a.c", line)
    assert [number for number, _ in found] == numbers
    assert all("\x1b" not in text for _, text in found)


def test_report_of_the_host(image: Image, tmp_path: Path) -> None:
    log = tmp_path / "host.log"
    first, second = image.address("inner"), image.after_call()
    log.write_text("image at 0x99000000\n" + HOST_CRASH.replace("0x47e3", hex(first)).replace("0x1518", hex(second)))
    (found,) = crash.of_boot(log, TapParser(), 2, "flush.unmap@rocker")
    assert (found.program, found.boot, found.test) == ("host", 2, "flush.unmap@rocker")
    assert found.text.startswith("exception 14, error code 0x2")
    assert found.lines[0].startswith("trap: vector=14") and found.lines[1].startswith("regs: rax=")
    assert [frame.function for frame in found.frames] == ["inner", "outer"]
    assert all(len(frame.code) == 3 for frame in found.frames)
    assert "in inner at lib/depth.c:" in crash.words(found)
    text = crash.frame_lines(found.frames)
    marked = [line for line in text if ">" in line]
    assert len(marked) == 2 and marked[1] == "     >    11     return inner(value + 1) * 2;"


@pytest.mark.parametrize("told", [True, False])
def test_report_of_a_guest_that_only_the_host_saw_end(image: Image, tmp_path: Path, told: bool) -> None:
    base = 0x9D000000
    rip, caller = base + image.address("inner"), base + image.after_call()
    (tmp_path / "host.log").write_text(GUEST_CRASH % (rip, rip, caller))
    tap = TapParser()
    for line in ["TAP version 14", "1..1", f"# pvtest: version=1 image={base:#x}" if told else "# pvtest: version=1"]:
        tap.feed(line)
    (found,) = crash.of_boot(tmp_path / "host.log", tap, 1, "")
    assert (found.program, found.text) == ("guest", "triple fault")
    assert [frame.function for frame in found.frames] == (["inner", "outer"] if told else [])
    # Without the place of the image the addresses are all there is.
    assert any(line.startswith("frame: rip=") for line in found.lines) is not told


def test_panic_outside_of_every_test(image: Image, tmp_path: Path) -> None:
    tap = TapParser()
    offset = image.address("inner")
    for line in [
        "TAP version 14",
        "1..1",
        "# panic: page fault",
        "# regs: rax=0x1",
        f"# frame: rip=0x1 offset={offset:#x}",
    ]:
        tap.feed(line)
    (found,) = crash.of_boot(tmp_path / "none.log", tap, 1, "")
    assert (found.text, found.lines) == ("page fault", ["regs: rax=0x1"])
    assert found.frames[0].function == "inner"
    assert crash.of_boot(tmp_path / "none.log", tap, 1, "flush.unmap@rocker") == [], "the test has these lines"


@given(
    st.lists(st.sampled_from([*HOST_CRASH.splitlines(), *GUEST_CRASH.splitlines(), "x", "", "\x00\xff"]), max_size=90)
)
def test_any_log_is_read(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    log = tmp_path_factory.mktemp("log") / "host.log"
    log.write_text("\n".join(lines))
    for found in crash.of_boot(log, TapParser(), 1, ""):
        assert len(found.lines) + len(found.frames) <= 64
        assert crash.words(found)


def test_every_format_has_the_crash_of_the_host(runner: Runner, tmp_path: Path) -> None:
    done = runner("--fixture", "host-crash")
    assert done.returncode == 2, done.stdout + done.stderr
    folder = tmp_path / "results" / "latest"
    found = json.loads((folder / "results.json").read_text())
    true_to("results", found)
    (crashed,) = found["crashes"]
    guilty = next(test for test in found["tests"] if test["verdict"] == "error")
    assert crashed["program"] == "host" and crashed["test"] == guilty["id"]
    assert "the reference host crashed: exception 14" in guilty["reason"]
    assert [frame["offset"] for frame in crashed["frames"]] == ["0x47e3", "0x1518"]
    assert [boot["reported"] for boot in found["boots"]] == [2, 2], "the run goes on without the crash"
    texts = [
        done.stdout,
        *((folder / name).read_text() for name in ("report.html", "results.md", "results.tap", "junit.xml")),
    ]
    for text in texts:
        assert "cr2=0x7f0000000000" in text and "0x1518" in text
