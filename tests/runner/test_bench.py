# SPDX-License-Identifier: MIT
"""Benchmarks: measurements of guest and host, growth, and the comparison of two runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pvtest.cli import bench
from pvtest.cli.main import main
from pvtest.images.catalogue import Catalogue
from pvtest.images.requirements import Requirements
from pvtest.report import html
from pvtest.stream import measurements
from pvtest.stream.measurements import Line
from pvtest.stream.model import Run, Timing
from pvtest.stream.tap import TapParser

SERIES = 'series=flush_page size={size} of="cached pages"'


def parsed(*lines: str) -> tuple[list[Line], list[str]]:
    tap = TapParser()
    for line in ("TAP version 14", "1..0", *(f"# bench: {line}" for line in lines)):
        tap.feed(line)
    return measurements.parse(tap)


def grown(*costs: float) -> list[Line]:
    """A path at sizes 1, 2, ..."""
    return [Line(f"p_{n}", ns, 1, None, "", "p", n, "pages") for n, ns in enumerate(costs, 1)]


def test_lines_of_the_guest() -> None:
    lines, problems = parsed(
        "name=hypercall ns=10400.00 exits=1.0000 ratio=1.21 baseline=cpuid_exit",
        "name=flush_page_of_16 ns=10.00 exits=1.0000 " + SERIES.format(size=16),
    )
    assert not [text for text in problems if "measurement" in text]
    assert lines[0] == Line("hypercall", 10400, 1, 1.21, "cpuid_exit")
    assert (lines[1].series, lines[1].size, lines[1].of) == ("flush_page", 16, "cached pages")


@pytest.mark.parametrize(
    "line",
    ["ns=1", "name=a ns=x", "name=a ns=-1", "name=a ns=0", "name=a ns=nan", "name=a ns=1e300", "name=a ns=1 size=4",
     "name=a ns=1 series=b", 'name=a ns=1 series=b size=x of="c"'],
)  # fmt: skip
def test_a_line_that_is_no_measurement(line: str) -> None:
    lines, problems = parsed(line)
    assert not lines and any("not a measurement" in text for text in problems)


def test_series_have_more_than_one_size() -> None:
    one = Line("q_1", 5, 1, None, "", "q", 1, "x")
    found = measurements.series([*grown(10, 20, 45), one, Line("a", 1, 0, None, "")])
    assert [(series.name, series.of, series.growth) for series in found] == [("p", "pages", [1, 2, 4.5])]


def test_points_stay_in_the_picture() -> None:
    for costs in ((1, 1), (1, 1e9), (1e9, 1), (5, 4, 3, 500)):
        points = measurements.series(grown(*costs))[0].points
        assert all(0 <= x <= 1 and 0 <= y <= 1 for x, y in points), points
        assert [x for x, _ in points] == sorted({x for x, _ in points})


def test_picture_of_growth() -> None:
    text = html.growth(grown(10, 20, 45))
    assert text.startswith('<svg xmlns="http://www.w3.org/2000/svg"')
    assert "by pages" in text and "&#215;4.50" in text and text.count("<circle") == 3


def test_time_of_ten_buses() -> None:
    def row(timing: Timing) -> list[tuple[str, float | None, str, float]]:
        run = Run(Catalogue((), "1"), Requirements([], {}), [], [], [], timing=timing)
        return [entry for entry in bench.whole(run) if "buses" in entry[0]]

    assert row(Timing(buses=13, buses_up_us=26000)) == [("of it ten vPCI buses", 20.0, "ms", 30.0)]
    assert row(Timing()) == []


def test_host_measures_a_bare_exit() -> None:
    host = measurements.of_host("launch\nbench: name=vmrun_vmmcall ns=8000.00\nbench: name=x ns=1\n")
    assert host == [Line("vmrun_vmmcall", 8000, None, None, "")]
    lines = measurements.with_host([Line("hypercall", 10400, 1, 1.2, "cpuid_exit"), Line("b", 1, 0, None, "")], host)
    assert [(line.name, line.ratio, line.baseline) for line in lines] == [
        ("hypercall", 1.2, "cpuid_exit"), ("hypercall", 1.3, "vmrun_vmmcall"), ("vmrun_vmmcall", None, ""),
        ("b", None, ""),
    ]  # fmt: skip


def written(path: Path, **ratios: float) -> Path:
    operations: list[dict[str, Any]] = [
        {"name": name, "ns": 10.0, "exits": 1, "ratio": ratio, "baseline": "base"} for name, ratio in ratios.items()
    ]
    operations += [
        {"name": f"p_{n}", "ns": ns, "exits": 1, "ratio": None, "baseline": "", "series": "p", "size": n, "of": "x"}
        for n, ns in ((1, 10.0), (2, 10.0 * ratios["a"]))
    ]
    path.mkdir()
    head = {"format": "pvtest-bench", "format_version": 1, "versions": {}, "seed": 1, "run": []}
    (path / "bench.json").write_text(json.dumps({**head, "operations": operations}), encoding="utf-8")
    return path


def compared(capsys: pytest.CaptureFixture[str], *words: Path | str) -> tuple[int, str]:
    code = main(["bench", "--plain", "--compare", *map(str, words)])
    said = capsys.readouterr()
    return code, said.out + said.err


def test_comparison_by_ratio(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, after = written(tmp_path / "a", a=2, b=4, c=1), written(tmp_path / "b", a=2.2, b=2, d=1)
    code, said = compared(capsys, before, after)
    assert code == 1 and "gone: c to base" in said and "5 ratios, 1 slower or gone, 1 faster" in said, said
    code, said = compared(capsys, before, after, "--limit", "5")
    assert code == 1 and "slower: a to base" in said and "slower: p_2 to p_1" in said, said
    assert compared(capsys, before, before) == (0, compared(capsys, before, before)[1])


def test_comparison_of_what_is_no_benchmark(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = compared(capsys, tmp_path, tmp_path)
    assert code in (3, 4) and "bench.json" in said, (code, said)
    (tmp_path / "bench.json").write_text("{}", encoding="utf-8")
    code, said = compared(capsys, tmp_path, tmp_path)
    assert code == 3 and "Traceback" not in said, said
