# SPDX-License-Identifier: MIT
"""Ten failures of ten groups of tests: their reports hold all that those of version 0.1.0 held.

One boot of the real image on a host with ten defects, each of which makes one of the ten tests fail.
"""

from __future__ import annotations

import html
import json
import re

import pytest
from conftest import HERE, pvtest_call
from saved_machine import SavedMachine

BEFORE = json.loads((HERE / "recorded" / "reports-0.1.0.json").read_text(encoding="utf-8"))["failures"]
IDS = [failure["id"] for failure in BEFORE]


@pytest.fixture(name="run", scope="module")
def _run(tmp_path_factory: pytest.TempPathFactory, saved: SavedMachine) -> tuple[dict[str, dict], str]:
    """The tests of results.json by id, and the text of report.html."""
    folder = tmp_path_factory.mktemp("ten")
    defects = [word for failure in BEFORE for word in ("--defect", failure["defect"])]
    words = ("run", "--plain", *saved.options, *defects, *IDS, "--results", str(folder))
    done = pvtest_call(*words, seconds=180, **saved.environment)
    path = folder / "latest" / "results.json"
    assert done.returncode == 1 and path.exists(), done.stdout + done.stderr
    tests = json.loads(path.read_text(encoding="utf-8"))["tests"]
    return {test["id"]: test for test in tests}, plain((path.parent / "report.html").read_text(encoding="utf-8"))


def shape(text: str) -> str:
    """The text without its numbers: addresses depend on the memory that the image takes."""
    return re.sub(r"0x[0-9a-f]+|\d+", "N", text)


def plain(page: str) -> str:
    """The text of a page, with single blanks."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).split())


def test_the_ten_are_of_ten_groups() -> None:
    assert len({name.split(".")[0] for name in IDS}) == len({failure["defect"] for failure in BEFORE}) == 10


@pytest.mark.boots
@pytest.mark.parametrize("before", BEFORE, ids=IDS)
def test_reports_hold_what_they_held(run: tuple[dict[str, dict], str], before: dict) -> None:
    found = run[0][before["id"]]
    assert found["verdict"] == "fail" and set(found["requirements"]) >= set(before["requirements"])
    assert shape(found["reason"]) == shape(before["message"]) and found["expected"] == before["expected"]
    assert shape(found["actual"]) == shape(before["actual"])
    steps = [text for key, text in found["details"].items() if key.startswith("step")]
    assert len(steps) >= before["steps"] and shape(steps[-1]) == shape(before["last_step"])
    assert len(found["devices"]) >= before["devices"]
    assert all(len(found["story"][part]) >= 20 for part in ("steps", "expected", "failure"))
    assert re.match(r"tests/\S+\.c:\d+", found["where"])
    assert before["id"] in found["again"] and f"--defect {before['defect']}" in found["again"]


@pytest.mark.boots
@pytest.mark.parametrize("before", BEFORE, ids=IDS)
def test_the_page_shows_it(run: tuple[dict[str, dict], str], before: dict) -> None:
    found, shown = run[0][before["id"]], run[1]
    wanted = [found["title"], found["reason"], found["expected"], found["actual"], *found["story"].values()]
    wanted += [*found["requirements"], *found["devices"], *found["details"].values(), found["where"], found["again"]]
    for text in wanted:
        assert " ".join(text.split()) in shown, text
