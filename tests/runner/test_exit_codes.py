# SPDX-License-Identifier: MIT
"""Every exit code, with a guest that behaves and with guests that do not."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from conftest import HERE, Runner, latest
from pvtest import paths
from pvtest.errors import RunnerError
from pvtest.machine import qemu


def test_pass(runner: Runner, tmp_path: Path) -> None:
    done = runner()
    assert done.returncode == 0, done.stdout + done.stderr
    found = latest(tmp_path)
    assert found["summary"] == {"planned": 5, "pass": 5, "fail": 0, "error": 0, "skip": 0}
    assert found["versions"]["qemu"] == "10.0.2" and found["versions"]["host"] == "8.8"
    assert found["verdict"] == "pass" and found["exit_code"] == 0 and found["problems"] == []
    assert {r["id"]: r["verdict"] for r in found["requirements"]}["GEN-1"] == "observed"
    assert found["timing"]["firmware_to_first_test_us"] == 4200
    newest = tmp_path / "results" / "latest"
    assert {"results.json", "results.tap", "junit.xml", "serial.log", "host.log"} <= {p.name for p in newest.iterdir()}
    assert (newest / "serial.log").read_text().startswith("\x1b[2J")
    assert (newest / "host.log").read_text() == "refhost: started\n"
    assert "\r" not in done.stdout and "\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("fixture", "code", "words"),
    [
        ("fail", 1, ["made to fail", "0xa7 (64 bytes)", '0x96 at "offset" 0', "./run.sh tr.leaf_4k@rocker --seed 1"]),
        ("error", 2, ["made to error"]),
        ("skip", 0, ["no reason but this"]),
        ("all-skip", 2, ["nothing was verified"]),
        ("crash", 2, ["page fault at 0x10", "gave up"]),
        ("triple-fault", 2, ["truncated", "QEMU ended by itself"]),
        ("restart-early", 2, ["the firmware started a second time within one boot"]),
        ("vanish", 2, ["QEMU ended by itself, with exit code 0"]),
        ("stop-half-way", 2, ["truncated", "flush.unmap@rocker", "was running when"]),
        ("garbage", 2, ["not a line of the format"]),
        ("plan-mismatch", 2, ["planned 6 tests, 5 were asked for"]),
        ("duplicate", 2, ["duplicate result of test cap.page_sizes", "1 planned tests were not reported"]),
        (
            "unknown",
            2,
            ["unknown test 'no.such_test'", "result 5 is of no.such_test, but the turn was that of tr.leaf_4k@rocker"],
        ),
        ("lost-line", 2, ["the end line says pass=6, the stream has 5"]),
        ("no-edu", 2, ["no device of class edu"]),
    ],
)
def test_fixture(runner: Runner, tmp_path: Path, fixture: str, code: int, words: list[str]) -> None:
    done = runner("run", "--fixture", fixture)
    assert done.returncode == code, done.stdout + done.stderr
    for word in words:
        assert word in done.stdout
    found = latest(tmp_path)
    assert found["exit_code"] == code
    assert found["summary"]["planned"] == 5 == sum(found["summary"][v] for v in ("pass", "fail", "error", "skip"))
    tree = ElementTree.parse(tmp_path / "results" / "latest" / "junit.xml").getroot()
    bad = int(tree.get("failures", 0)) + int(tree.get("errors", 0))
    assert (bad > 0) == (code != 0)


@pytest.mark.parametrize("fixture", ["hang", "silent"])
def test_hang_ends_in_time_and_keeps_what_was_before(runner: Runner, tmp_path: Path, fixture: str) -> None:
    # Enough for a loaded machine to get half way.
    seconds = "4" if fixture == "hang" else "1.5"
    done = runner("--fixture", fixture, "--timeout", seconds)
    assert done.returncode == 2
    found = latest(tmp_path)
    assert f"{seconds} s" in found["problems"][0]
    assert found["summary"]["pass"] == (4 if fixture == "hang" else 0)
    if fixture == "hang":
        assert [t["id"] for t in found["tests"] if t["reason"].startswith("was running")] == ["flush.unmap@rocker"]


def test_flood_is_bounded(runner: Runner, tmp_path: Path) -> None:
    done = runner("--fixture", "flood")
    assert done.returncode == 2
    assert "more than 2 MiB without ending or beginning a test" in done.stdout
    assert (tmp_path / "results" / "latest" / "serial.log").stat().st_size < 3 << 20


def test_defect(runner: Runner, tmp_path: Path) -> None:
    done = runner("flush.*", "--defect", "no-flush")
    assert done.returncode == 1
    assert "--defect no-flush" in done.stdout
    assert latest(tmp_path)["defects"] == ["no-flush"]
    assert runner("--defect", "no-flush", "--fixture", "wrong-defect").returncode == 2


def test_repeat(runner: Runner, tmp_path: Path) -> None:
    assert runner("--repeat", "3").returncode == 0
    assert all(test["rounds"] == 3 for test in latest(tmp_path)["tests"])
    done = runner("--repeat", "3", "--fixture", "fail", "--seed", "0x10")
    assert done.returncode == 1
    assert "3 of 3 rounds" in done.stdout and "--seed 16" in done.stdout
    done = runner("--repeat", "1000000")
    assert done.returncode == 3 and "results; a run has at most 2000000" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--sed", "1"], "--seed"),
        (["--seed", "many"], "'many' is not a number"),
        (["--seed", "-1"], "out of range"),
        (["--repeat", "0"], "out of range"),
        (["--timeout", "nan"], "out of range"),
        (["flush.unmpa"], "Did you mean flush.unmap"),
        (["tr.*", "nothing*"], "no test matches 'nothing*'"),
        (["--defect", "no-flsh"], "Did you mean no-flush?"),
        (["defects", "no-flsh"], "Did you mean no-flush?"),
        (["--variant", "polit"], "Did you mean polite?"),
        (["--variant", "zzz"], "unknown variant 'zzz'. Known: other-status, polite."),
        (["variants", "polit"], "Did you mean polite?"),
        (["defects", "polite"], "no defect matches 'polite'"),
        (["variants", "--variant", "polite"], "unrecognized arguments"),
        (["list", "nothing"], "no test matches"),
        (["bench", "--defect", "lazy"], "unrecognized arguments"),
        (["bench", "flush.unmap"], "unrecognized arguments"),
        (["--accel", "kwm"], "unknown accelerator 'kwm'. Did you mean kvm?"),
        (["--profile", ""], "an empty word names nothing"),
        (["--results", ""], "an empty word names nothing"),
    ],
)
def test_usage(runner: Runner, arguments: list[str], words: str) -> None:
    done = runner(*arguments)
    assert done.returncode == 3
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_results_folder_cannot_be_made(runner: Runner, tmp_path: Path) -> None:
    (tmp_path / "results").write_text("a file")
    done = runner()
    assert done.returncode == 3 and "not a folder" in done.stderr


def test_results_latest_is_in_the_way(runner: Runner, tmp_path: Path) -> None:
    (tmp_path / "results" / "latest").mkdir(parents=True)
    done = runner()
    assert done.returncode == 3 and "in the way" in done.stderr
    assert [p.name for p in (tmp_path / "results").iterdir()] == ["latest"]


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"FAKE_QEMU_VERSION": "unknown"}, "does not tell a QEMU version"),
        ({"FAKE_QEMU_DEVICES": "rocker edu isa-debug-exit"}, "without the devices virtio-blk-pci"),
        ({"FAKE_QEMU_FLAGS": "nx"}, "no processor with svm and npt"),
    ],
)
def test_qemu_that_cannot(runner: Runner, environment: dict[str, str], words: str) -> None:
    done = runner(**environment)
    assert done.returncode == 4 and words in done.stderr


@pytest.mark.parametrize(("nested", "good"), [("1\n", True), ("Y\n", True), ("0\n", False), (None, False)])
def test_kvm_has_to_lend_its_svm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nested: str | None, good: bool
) -> None:
    monkeypatch.setattr(paths, "KVM_NESTED", tmp_path / "nested")
    if nested is not None:
        (tmp_path / "nested").write_text(nested)
    fake = str(HERE / "fake_qemu.sh")
    qemu.check_accelerator(fake, "kvm", hostless=True)
    if good:
        qemu.check_accelerator(fake, "kvm", hostless=False)
    else:
        with pytest.raises(RunnerError, match="nested=1"):
            qemu.check_accelerator(fake, "kvm", hostless=False)


def test_qemu_that_is_not_there(runner: Runner) -> None:
    assert runner(qemu="/nowhere/qemu").returncode == 4


def test_qemu_11_spells_the_properties_otherwise(runner: Runner) -> None:
    assert runner(FAKE_QEMU_VERSION="11.1.3", FAKE_QEMU_IOMMU="scalable-mode fsts eim").returncode == 0


def test_defects_campaign(runner: Runner, tmp_path: Path) -> None:
    done = runner("defects", "--jobs", "2")
    assert done.returncode == 1, done.stdout + done.stderr
    found = json.loads((tmp_path / "results" / "latest" / "defects.json").read_text())
    assert {d["defect"]: (d["verdict"], d["own_requirement"]) for d in found["defects"]} == {
        "lazy": ("missed", False),
        "no-flush": ("caught", True),
    }
    assert found["summary"] == {"defects": 2, "caught": 1, "missed": 1, "error": 0}
    assert runner("defects", "FL-1").returncode == 0


def test_defects_run_until_one_is_caught_by_its_own_requirement(runner: Runner, tmp_path: Path) -> None:
    done = runner("defects")
    assert "1 of 2 runs ended at the first failure of a test of the broken requirement" in done.stdout
    found = latest(tmp_path, "defects.json")
    lazy, caught = found["defects"]
    assert found["matrix"] is False
    assert caught["failing"] == ["flush.unmap@rocker"], "its own test comes first; nothing runs behind a failure"
    assert caught["not_run"] == 3 and not caught["errors"] and not caught["problems"]
    assert lazy["not_run"] == 0, "a defect that no test of its own catches is shown everything"


def test_matrix_shows_everything_to_each_defect(runner: Runner, tmp_path: Path) -> None:
    done = runner("defects", "--matrix")
    assert "Under each defect everything ran that can show it" in done.stdout
    found = latest(tmp_path, "defects.json")
    assert found["matrix"] is True and [entry["not_run"] for entry in found["defects"]] == [0, 0]
    assert found["single_test"] == {"no-flush": "flush.unmap"}
    assert "Caught by a single test: 1 of 2: no-flush (flush.unmap)" in " ".join(done.stdout.split())
    assert "Caught by a single test" in (tmp_path / "results" / "latest" / "report.html").read_text(encoding="utf-8")


def test_an_end_that_nobody_asked_for_is_an_error(runner: Runner, tmp_path: Path) -> None:
    done = runner(FAKE_QEMU_FIXTURE="stops-early")
    assert done.returncode == 2
    assert "the guest stopped after cap.page_sizes, which was not to end the run" in " ".join(
        latest(tmp_path)["problems"]
    )


def test_bench(runner: Runner, tmp_path: Path) -> None:
    done = runner("bench")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "map_4k" in done.stdout and "1.21" in done.stdout and "store_loop" in done.stdout
    found = json.loads((tmp_path / "results" / "latest" / "bench.json").read_text())
    other = {"ratio": None, "baseline": "", "series": "", "size": None, "of": ""}
    assert found["operations"][1] == {"name": "hypercall", "ns": 10400.0, "exits": 1.0, **other}


def test_bench_of_what_does_not_work(runner: Runner) -> None:
    done = runner("bench", FAKE_QEMU_BENCH="the host refuses a flush")
    assert done.returncode == 2 and "benchmark: the host refuses a flush" in done.stdout, done.stdout + done.stderr


def test_bench_measures_what_was_asked_for(runner: Runner, tmp_path: Path) -> None:
    assert runner("bench", "--caching", "none", "--verbose").returncode == 0
    assert latest(tmp_path)["flags"] == ["--caching", "none"]


def test_what_qemu_complained_of(runner: Runner, tmp_path: Path) -> None:
    said = "\n".join(
        ["first complaint", *("more of it" for _ in range(1000)), "last words", "terminating on signal 15"]
    )
    runner("--fixture", "stop-half-way", FAKE_QEMU_STDERR=said)
    found = [problem for problem in latest(tmp_path)["problems"] if "QEMU says" in problem]
    assert found[:2] == ["QEMU says: first complaint", "QEMU says: last words"], found


def test_picture_that_cannot_be_written(runner: Runner, tmp_path: Path) -> None:
    done = runner("--svg", str(tmp_path / "nowhere" / "run.svg"))
    assert done.returncode == 3 and "nowhere/run.svg: No such file" in done.stderr and "Traceback" not in done.stderr


def test_list(runner: Runner) -> None:
    done = runner("list", "--json", "flush")
    found = json.loads(done.stdout)
    assert [test["id"] for test in found["tests"]] == ["flush.none", "flush.unmap"]
    assert found["tests"][1]["instances"] == ["flush.unmap@rocker", "flush.unmap@dmaprobe"]
    assert "4 tests, 5 instances" in runner("list").stdout


def test_old_runs_go_and_foreign_folders_stay(runner: Runner, tmp_path: Path) -> None:
    for number in range(12):
        old = tmp_path / "results" / f"20200101-00000{number:02}"
        old.mkdir(parents=True)
        (old / ".pvtest-run").touch()  # as version 0.1.0 left it
        (old / "results.json").touch()
    (tmp_path / "results" / "mine").mkdir()
    assert runner().returncode == 0
    names = {p.name for p in (tmp_path / "results").iterdir()}
    assert "mine" in names and "latest" in names
    assert len(names) == 10 + 2
