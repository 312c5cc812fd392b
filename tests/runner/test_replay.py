# SPDX-License-Identifier: MIT
"""Random tests: files of operations, and failures that are shrunk to the fewest of them."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest
from conftest import ROOT, Runner
from pvtest import paths
from pvtest.errors import UsageError
from pvtest.images import catalogue
from pvtest.plan import replay
from pvtest.report.folder import ResultsFolder
from pvtest.report.json_reader import load
from pvtest.report.telling import operations
from saved_machine import SavedMachine
from test_boots import boot
from test_telling import a_run, of

ID = "stress.random_operations@dmaprobe"
GOOD = f"# a comment\n\n{replay.FORMAT}\ntest {ID}  # of this class\n  map 2 5 3 1\nflush-list 2 0 7\nwrite 0 5\n"
HARNESS = ROOT / "tests" / "harness"


def test_a_file_is_read(tmp_path: Path) -> None:
    found = replay.parse(tmp_path, GOOD)
    assert found.test == ID and found.operations == ("map 2 5 3 1", "flush-list 2 0 7", "write 0 5")
    assert replay.values(found.operations)[0] == "map,2,5,3,1"
    again = replay.parse(tmp_path, replay.text(found.test, found.operations, ["why", "how"]))
    assert dataclasses.replace(again) == found


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (replay.FORMAT, "pvtest-operations 2", f"line 3: the first line is '{replay.FORMAT}'"),
        (f"test {ID}", f"test {ID} x", "line 4: one test, by its instance id"),
        ("write 0 5", f"test {ID}", "line 7: one test, by its instance id"),
        ("map 2", "mop 2", "line 5: unknown operation 'mop'. Did you mean map"),
        ("map 2 5 3 1", "map 2 5 3", "line 5: map has 4 arguments, not 3: map DOMAIN PAGE TARGET WRITABLE"),
        ("map 2 5 3 1", "map 1 5 3 1", "line 5: domain '1' is not a number from 2 to 4"),
        ("map 2 5 3 1", "map 2 -5 3 1", "line 5: page '-5' is not a number from 0 to 7"),
        ("map 2 5 3 1", "map 2 5 ٣ 1", "line 5: target '٣' is not a number from 0 to 7"),
        ("list 2 0 7", "list 2 7 0", "line 6: flush-list: the last page is before the first"),
        ("write 0 5", "write 3 5", "line 7: device '3' is not a number from 0 to 2"),
        (f"test {ID}", "", ": has no line 'test ID'"),
        ("  map 2 5 3 1\nflush-list 2 0 7\nwrite 0 5\n", "", ": has no operation"),
        (GOOD, "# nothing\n", ": is empty"),
        (f"test {ID}", "test flush.unmap@rocker", ": flush.unmap@rocker takes no operations; these do: stress."),
        ("write 0 5\n", "write 0 5\n" * replay.MAX_OPERATIONS, f"has {replay.MAX_OPERATIONS + 2} operations"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_line(old: str, new: str, words: str) -> None:
    assert old in GOOD
    with pytest.raises(UsageError) as error:
        replay.parse(Path("f.txt"), GOOD.replace(old, new))
    assert str(error.value).startswith("f.txt") and words in str(error.value)


def test_a_file_that_is_none(runner: Runner, tmp_path: Path) -> None:
    (tmp_path / "odd").write_bytes(b"\xff\xfe")
    (tmp_path / "long").write_bytes(b"#" * (replay.MAX_BYTES + 1))
    for name, words in (("odd", "is not text"), ("long", "is longer than"), ("none", "No such file")):
        done = runner("--replay", str(tmp_path / name))
        assert done.returncode == 3 and words in done.stderr and name in done.stderr


def test_other_tests_take_no_operations(runner: Runner, tmp_path: Path) -> None:
    (tmp_path / "good.txt").write_text(GOOD)
    done = runner("flush.unmap", "--replay", str(tmp_path / "good.txt"))
    assert done.returncode == 3 and "--replay: flush.unmap@rocker takes no operations" in done.stderr


def test_the_runner_knows_the_operations_of_the_guest() -> None:
    source = (HARNESS / "operations.c").read_text()
    forms = re.findall(r'\{"([a-z-]+)", \{((?:&\w+(?:, )?)+)\}\}', source)
    assert {name: tuple(re.findall(r"&(\w+)", rest)) for name, rest in forms} == replay.OPERATIONS
    numbers = dict(re.findall(r"#define STRESS_(\w+) +(?:\\\s*)?(\d+)u", (HARNESS / "stress_numbers.h").read_text()))
    most = {"page": "PAGES", "target": "TARGETS", "device": "DEVICES"}
    assert all(replay.RANGES[name] == (0, int(numbers[word]) - 1) for name, word in most.items())
    assert f"#define OPERATIONS_MAX {replay.MAX_OPERATIONS}u" in (HARNESS / "replay.h").read_text()
    taking = set()
    for path in (ROOT / "tests").glob("*/*.c"):
        for name, body in re.findall(r"\n(?:TEST|STRESS)\((\w+),(.*?)\n\}\n", path.read_text(), re.DOTALL):
            taking |= {f"{path.parent.name}.{name}"} if "replay_given(" in body else set()
    assert taking == set(replay.REPLAYED)


def test_operations_of_a_failure_become_a_file(tmp_path: Path) -> None:
    run = a_run()
    result = of(run, "flush.unmap@rocker")
    result.details["shrunk"] = "from 9 operations to 3"
    result.details |= {"operations1": "map 2 5 3 1; unmap 2 5", "operations3": "write 0 5"}
    assert operations(result.details) == ["map 2 5 3 1", "unmap 2 5", "write 0 5"]
    with ResultsFolder(tmp_path) as folder:
        folder.write_run(run)
        where = folder.publish()
    path = where / "replay" / "flush.unmap@rocker.txt"
    lines = path.read_text().splitlines()
    assert lines[0] == replay.FORMAT and lines[-4:] == ["test flush.unmap@rocker", *operations(result.details)]
    command = of(load(where), "flush.unmap@rocker").details["replay"]
    assert command.startswith("./run.sh flush.unmap@rocker --replay ")
    assert command.endswith(" --seed 9 --defect no-flush")
    assert command.split()[3] == str(path.resolve())
    page = (where / "report.html").read_text()
    assert "map 2 5 3 1; unmap 2 5" in page and "--replay" in page


@pytest.mark.boots
@pytest.mark.skipif(not paths.GUEST_IMAGE.exists(), reason="the images are not built")
@pytest.mark.parametrize(
    ("test", "defect", "most"),
    [("random_operations", "flush-domain-ignored", 8), ("random_operations_under_fire", "soft-drain-range-flush", 8)],
)
def test_random_failure_is_shrunk_and_shown_again(
    saved: SavedMachine, tmp_path: Path, test: str, defect: str, most: int
) -> None:
    name = f"stress.{test}@dmaprobe"
    assert any(item.id == name for item in catalogue.load_tests().instances)
    code, found, output = boot(tmp_path / "first", "run", name, "--defect", defect, saved=saved)
    assert code == 1, output
    (first,) = found["tests"]
    done = operations(first["details"])
    assert 2 <= len(done) <= most
    assert re.match(r"from \d+ operations to \d+, in \d+ replays", first["details"]["shrunk"])
    (file,) = (tmp_path / "first" / "latest" / "replay").glob("*.txt")
    code, found, output = boot(tmp_path / "second", "run", "--replay", str(file), "--defect", defect, saved=saved)
    (second,) = found["tests"]
    assert code == 1 and second["where"] == first["where"] and "shrunk" not in second["details"], output
    code, found, output = boot(tmp_path / "third", "run", "--replay", str(file), saved=saved)
    assert code == 0 and found["tests"][0]["verdict"] == "pass", "nothing is wrong with the operations themselves"
    assert json.dumps(first["details"]).count("device 0x") > 2
