# SPDX-License-Identifier: MIT
"""Steps of `make test`: two at a time, each with its output in one piece, and none that is lost."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from pvtest import paths
from pvtest.dev import ci
from pvtest.errors import EXIT_FAIL, EXIT_OK, EXIT_USAGE

# In the place of a step: lint and unit wait for each other, which only ends when both run.
STEP = """\
import json, os, sys, time
from pathlib import Path
name, report = sys.argv[1], Path(sys.argv[2])
print(name, "begins with", os.environ["PVTEST_STEP_JOBS"], flush=True)
(report.parent / f"{name}.begun").touch()
other = {"lint": "unit", "unit": "lint"}.get(name)
end = time.monotonic() + 60
while other and not (report.parent / f"{other}.begun").exists() and time.monotonic() < end:
    time.sleep(0.01)
print(name, "ends", flush=True)
if name in os.environ.get("NO_REPORT", ""):
    sys.exit(0)
ok = name not in os.environ.get("BAD", "")
report.write_text(json.dumps([ok, [2, 0, 1]]))
"""


@pytest.fixture(name="steps", autouse=True)
def _steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "step.py"
    script.write_text(STEP)
    monkeypatch.setattr(ci, "WORKER", (sys.executable, str(script)))
    monkeypatch.setattr(ci, "CORES", 2)
    monkeypatch.setattr(paths, "BUILD", tmp_path / "build")
    for name in ("PYTHONPATH", "PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE"):  # main() sets them
        monkeypatch.setenv(name, "")


def test_two_at_a_time(capfd: pytest.CaptureFixture[str]) -> None:
    assert ci.main(["unit", "lint", "build"]) == EXIT_OK
    out = capfd.readouterr().out
    assert out.index("build begins with 2\nbuild ends\n") < out.index("=== 2 at a time: lint, unit")
    for name in ("lint", "unit"):
        assert f"{name} begins with 1\n{name} ends\n=== ok     {name} " in out
    assert out.endswith("\n6 passed, 0 failed, 3 skipped\n") and "\n  in all " in out


def test_one_step_has_all_cores_and_shows_what_it_does(capfd: pytest.CaptureFixture[str]) -> None:
    assert ci.main(["fuzz"]) == EXIT_OK
    assert "fuzz begins with 2\nfuzz ends\n" in capfd.readouterr().out


def test_a_step_that_fails(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAD", "unit")
    monkeypatch.setenv("NO_REPORT", "lint")
    assert ci.main(["lint", "unit"]) == EXIT_FAIL
    out = capfd.readouterr().out
    assert "=== FAILED lint " in out and "=== FAILED unit " in out, "a step without a report has failed, too"
    assert out.endswith("Failed: lint, unit\n2 passed, 2 failed, 1 skipped\n") or "Failed: unit, lint\n" in out


def test_nothing_follows_a_build_that_fails(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAD", "build")
    assert ci.main([]) == EXIT_FAIL
    out = capfd.readouterr().out
    assert "lint" not in out and out.endswith("Failed: build\n2 passed, 1 failed, 1 skipped\n")


def test_an_unknown_step(capfd: pytest.CaptureFixture[str]) -> None:
    assert ci.main(["lnit"]) == EXIT_USAGE
    assert "unknown step 'lnit'; known: build, lint, " in capfd.readouterr().err
