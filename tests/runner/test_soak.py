# SPDX-License-Identifier: MIT
"""`./run.sh soak`: rounds by chance, what is told of them, and the sum of several soaks."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from conftest import HERE

from pvtest import json_file
from pvtest.cli import main as cli
from pvtest.cli import usage
from pvtest.errors import EXIT_ERROR, EXIT_FAIL, EXIT_OK, UsageError
from pvtest.gate import soak, soak_report
from pvtest.gate.soak import Finding, Soak, Tally
from pvtest.machine.terminal import Terminal
from pvtest.plan import soak as rounds
from pvtest.plan.devices import Devices

ALL = rounds.machines_of(Devices())
VERSIONS = {"qemu": "10.0.2", "suite": "0.1.0"}


def test_a_seed_decides_every_round() -> None:
    first = [rounds.draw(5, number, ALL) for number in range(1, 50)]
    assert first == [rounds.draw(5, number, ALL) for number in range(1, 50)]
    assert first != [rounds.draw(6, number, ALL) for number in range(1, 50)]


def test_each_machine_comes_in_turn() -> None:
    assert [rounds.draw(1, number, ALL).machine for number in range(1, len(ALL) + 1)] == ALL
    assert rounds.machines_of(Devices("QEMU 7.2 has no first-stage VT-d")) == ["functions alone"]


def test_every_command_is_one_that_the_runner_takes() -> None:
    for number in range(1, 200):
        drawn = rounds.draw(9, number, ALL)
        command, options = cli.parse(list(drawn.words))
        usage.check(options)
        assert command == "run" and options.seed is not None


def _results(folder: Path, verdict: str) -> None:
    """As much of the results of a run as a soak reads."""
    tests = [
        ("hostile.calls_on_two_processors", verdict, 5, "1600 calls, 12 of them accepted"),
        ("hostile.port_sweep", "pass", 1, "4000 accesses to ports: 12 raised #GP"),
        ("hostile.msr_sweep", "pass", 2, "1500 MSRs by chance: 900 reads and 300 writes were carried out"),
        ("stress.random_operations@rocker", "pass", 2, "2100 operations of the random model"),
        ("flush.one@rocker", "skip", 1, ""),
    ]
    names = ("id", "verdict", "rounds", "observation")
    sample = {
        "format": "pvtest-results",
        "boots": [{}, {}],
        "problems": [],
        "tests": [{**dict(zip(names, test)), "excused": ""} for test in tests],
    }
    (folder / "latest").mkdir(parents=True)
    (folder / "latest" / "results.json").write_text(json.dumps(sample), encoding="utf-8")


@pytest.fixture(autouse=True)
def any_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    """The schema of results has tests of its own."""
    load = json_file.load

    def loaded(path: Path, *forms: str) -> dict[str, object]:
        return json_file.parse(path) if forms == ("pvtest-results",) else load(path, *forms)

    monkeypatch.setattr(json_file, "load", loaded)


def test_a_round_that_passes_is_counted(tmp_path: Path) -> None:
    _results(tmp_path, "pass")
    tally, finding = soak.judge(rounds.draw(1, 1, ALL), EXIT_OK, "", tmp_path)
    assert finding is None
    assert (tally.rounds, tally.boots, tally.instances, tally.failed) == (1, 2, 4, 0)
    assert dict(tally.work) == {
        "calls": 1600 * 5,
        "accesses to ports": 4000,
        "MSRs": 3000,
        "operations of the random model": 4200,
    }


def test_a_round_that_fails_is_told_with_its_command(tmp_path: Path) -> None:
    _results(tmp_path, "fail")
    drawn = rounds.draw(1, 1, ALL)
    tally, finding = soak.judge(drawn, EXIT_FAIL, "", tmp_path)
    assert tally.failed == 1 and finding is not None
    assert finding.tests == ["hostile.calls_on_two_processors (fail)"] and finding.command == drawn.command


@pytest.mark.parametrize("code", [EXIT_OK, EXIT_ERROR, -9])
def test_a_round_without_results_is_no_pass(tmp_path: Path, code: int) -> None:
    tally, finding = soak.judge(rounds.draw(1, 1, ALL), code, "one line\nrun.sh: the disk is full\n", tmp_path)
    assert finding is not None and finding.exit_code == (code or EXIT_ERROR)
    assert finding.why == "run.sh: the disk is full" and tally.rounds == 1


def _soak(*findings: Finding) -> Soak:
    found = Soak(7, ["pci", "vtd"], Path(), [])
    found.by_machine["pci"] = Tally(3, 6, 3000, len(findings))
    found.by_machine["pci"].work["calls"] = 1600
    found.by_machine["vtd"] = Tally(2, 2, 900)
    found.findings = list(findings)
    found.seconds = 90
    return found


def _finding(code: int = EXIT_FAIL) -> Finding:
    return Finding(2, "pci", code, "./run.sh --bus pci", ["flush.one@rocker (fail)"], "", "round-00002")


CODES = [([], EXIT_OK), ([EXIT_ERROR], EXIT_ERROR), ([EXIT_ERROR, EXIT_FAIL], EXIT_ERROR), ([EXIT_FAIL], EXIT_FAIL)]


@pytest.mark.parametrize("codes, code", CODES)
def test_exit_code(codes: list[int], code: int) -> None:
    assert _soak(*map(_finding, codes)).exit_code == code


def test_every_format_tells_the_finding(tmp_path: Path) -> None:
    found = soak.document(_soak(_finding()), VERSIONS)
    path = tmp_path / "soak.json"
    path.write_text(json.dumps(found), encoding="utf-8")
    assert json_file.load(path, soak.FORMAT) == found
    for text in (soak_report.markdown(found), soak_report.junit(found), soak_report.html(found)):
        assert "flush.one" in text and "./run.sh --bus pci" in text
    suite = ET.fromstring(soak_report.junit(found).encode()).find("testsuite")
    assert suite is not None and suite.get("failures") == "2"  # the machine, and the round


def _cases(found: dict[str, Any]) -> dict[str, str]:
    suite = ET.fromstring(soak_report.junit(found).encode()).find("testsuite")
    assert suite is not None
    return {case.get("name", ""): "".join(part.tag for part in case) for case in suite.iter("testcase")}


def test_a_ci_system_sees_what_did_not_run() -> None:
    """A machine without a round is no pass, and a round that broke off no failure of the host."""
    soaked = _soak(_finding(EXIT_ERROR))
    soaked.by_machine["gen2"] = Tally()
    found = soak.document(soaked, VERSIONS)
    assert _cases(found) == {"pci": "failure", "vtd": "", "gen2": "skipped", "round 2": "error"}


def test_an_interrupted_soak_says_so_everywhere() -> None:
    found = {**soak.document(_soak(), VERSIONS), "exit_code": EXIT_ERROR}
    assert _cases(found) == {"pci": "", "vtd": "", "soak": "error"}
    for text in (soak_report.markdown(found), soak_report.html(found), soak_report.verdict(found)):
        assert "the soak was interrupted" in text and "every round passed" not in text


def test_markdown_of_many_findings_is_short_enough() -> None:
    """GitHub takes 65,536 characters."""
    one = Finding(2, "pci", EXIT_FAIL, "./run.sh " + "x" * 300, ["flush.one@rocker (fail)"] * 20, "", "round")
    for count in (1, 30, 1000):
        text = soak_report.markdown(soak.document(_soak(*[one] * count), VERSIONS))
        assert len(text) < 60_000 and text.count("**Round") == count or "more findings are in soak.json" in text
        assert count > 1 or "more findings" not in text


def test_nothing_of_a_finding_is_markup() -> None:
    found = soak.document(_soak(Finding(1, "pci", 1, "./run.sh '<i>'", ["<i>"], "", "round")), VERSIONS)
    assert "<i>" not in soak_report.html(found) and "&lt;i&gt;" in soak_report.html(found)


def test_soaks_add_up() -> None:
    one = soak.document(_soak(), VERSIONS)
    other = soak.document(_soak(_finding()), {**VERSIONS, "qemu": "11.0", "x": "1"})
    other["exit_code"] = EXIT_OK  # which its findings do not bear out
    merged = soak.merge([one, other])
    assert merged["whole"]["instances"] == 7800 and merged["whole"]["work"] == {"calls": 3200}
    assert merged["exit_code"] == EXIT_FAIL and len(merged["findings"]) == 1
    assert merged["seconds"] == 180 and merged["versions"]["qemu"] == "10.0.2, 11.0"
    assert merged["versions"]["x"] == "1"


def test_merge_writes_every_format_of_soaks(tmp_path: Path) -> None:
    for name, findings in (("one", ()), ("other", (_finding(),))):
        (tmp_path / name).mkdir()
        text = json.dumps(soak.document(_soak(*findings), VERSIONS))
        (tmp_path / name / "soak.json").write_text(text, encoding="utf-8")
    folders = [tmp_path / "one", tmp_path / "other"]
    quiet = Terminal(plain=True, quiet=True)
    assert soak.merge_folders(folders, tmp_path / "out", quiet) == EXIT_FAIL
    written = {path.name for path in (tmp_path / "out" / "latest").iterdir()}
    assert {"soak.json", "soak.md", "junit.xml", "report.html"} <= written
    with pytest.raises(UsageError, match="other: the same soak as in .*other"):
        soak.merge_folders([*folders, tmp_path / "other"], tmp_path / "out", quiet)
    (tmp_path / "third").mkdir()
    (tmp_path / "third" / "results.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UsageError, match="no soak.json"):
        soak.merge_folders([*folders, tmp_path / "third"], tmp_path / "out", quiet)
    assert soak.merge_folders([tmp_path / "third"], tmp_path / "out", quiet) is None


def test_a_soak_ends_in_time_and_goes_on_behind_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(drawn: rounds.Round, folder: Path, passed: list[str]) -> tuple[Tally, Finding | None]:
        bad = Finding(drawn.number, drawn.machine, EXIT_FAIL, drawn.command, [], "", folder.name)
        return Tally(1, 1, 10, int(drawn.number == 1)), bad if drawn.number == 1 else None

    monkeypatch.setattr(soak, "run_round", failing)
    found = Soak(7, ALL, tmp_path, [])
    found.run(0.01, 2, Terminal(plain=True, quiet=True))
    assert found.whole.rounds > 2 and found.whole.failed == 1 and len(found.findings) == 1
    assert found.exit_code == EXIT_FAIL


def test_a_relative_folder_and_a_relative_qemu(
    build: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are those of the caller for the runner of a round, too."""
    monkeypatch.setenv("PVTEST_BUILD", str(build))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "qemu").symlink_to(HERE / "fake_qemu.sh")
    tally, finding = soak.run_round(rounds.draw(1, 1, ["pci"]), Path("round"), ["--qemu", "./qemu"])
    assert finding is None or "no test matches" in finding.why, finding
    assert tally.rounds == 1 and {path.name for path in tmp_path.iterdir()} <= {"build", "qemu", "round", "round.log"}


@pytest.mark.parametrize("words", [["--minutes", "0"], ["--minutes", "nan"], ["--minutes", "x"], ["--jobs", "0"]])
def test_bad_numbers_are_refused(words: list[str]) -> None:
    with pytest.raises(UsageError):
        cli.parse(["soak", *words])
