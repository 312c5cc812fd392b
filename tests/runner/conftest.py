# SPDX-License-Identifier: MIT
"""Shared by the runner's tests. Tests that boot the real image come last, because they are the slow ones; with several
workers the longest files begin, so that no worker ends with one of them while the others have nothing to do."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, settings

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "tools"), str(HERE)]
# The folder of the set-up: neither a module nor the template of a report is compiled twice.
sys.pycache_prefix = sys.pycache_prefix or str(ROOT / "build" / "pycache")

import images  # noqa: E402
import kept_answers  # noqa: E402
import saved_machine  # noqa: E402
from forked import Forked  # noqa: E402
from pvtest.machine import tpm  # noqa: E402
from saved_machine import SavedMachine  # noqa: E402

settings.register_profile(
    "repeatable", derandomize=True, deadline=None, max_examples=150, suppress_health_check=list(HealthCheck)
)
settings.load_profile("repeatable")

# A shell that starts a command beside others, or nohup, has it ignore signals; the runner leaves that as it is.
for _number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, signal.default_int_handler if _number is signal.SIGINT else signal.SIG_DFL)

# Files of more than some seconds of processor time or of waiting. A file is one worker's as a whole.
LONGEST = (
    *("test_unattended", "test_boots", "test_bundle", "test_disks", "test_interrupts", "test_blame", "test_formats"),
    *("test_error_report", "test_exit_codes", "test_saved", "test_gate", "test_other_units", "test_processors"),
    *("test_compare", "test_nvme", "test_forked", "test_faults", "test_new_test", "test_signing"),
)

Runner = Callable[..., subprocess.CompletedProcess[str]]
PVTEST = (sys.executable, "-m", "pvtest")
_forked: list[Forked] = []  # the server, from the first call on
_answers: list[Path | None] = []  # the folder of the QEMU whose answers are kept
_starting = threading.Lock()


def runner_environment(build: Path | None = None, **more: str) -> dict[str, str]:
    """For PVTEST. With `build` the images are those of that folder instead of the real ones."""
    elsewhere = {"PVTEST_BUILD": str(build)} if build else {}
    # Hundreds of processes: none compiles what another one has compiled, whatever the environment says.
    usual = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    usual.setdefault("PYTHONPYCACHEPREFIX", str(ROOT / "build" / "pycache"))
    return {**usual, "PYTHONPATH": str(ROOT / "tools"), **elsewhere, **more}


def pvtest_call(
    *arguments: str, build: Path | None = None, seconds: float = 60, **more: str
) -> subprocess.CompletedProcess[str]:
    """The runner as a process of its own, to its end."""
    environment = runner_environment(build, **more)
    with _starting:
        if not _forked:
            _forked.append(Forked(runner_environment()))
    if _forked[0].fits(environment):
        return _forked[0].call(list(arguments), environment, seconds)
    return subprocess.run(
        [*PVTEST, *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


@contextlib.contextmanager
def quick_firmware(line: list[str]) -> Iterator[tuple[list[str], tuple[int, ...]]]:
    """A command line of QEMU with a TPM that refuses, so that the firmware does not wait for one, and the descriptors
    that QEMU has to inherit. Without it each start of the firmware takes 1.5 s more of the processor. A saved machine
    has no start of the firmware."""
    if any(word.startswith(saved_machine.FOLDER) for word in line):
        yield line, ()
        return
    with tpm.refusing() as descriptor:
        yield [*line, *tpm.arguments(descriptor)], (descriptor,)


@functools.lru_cache(maxsize=None)
def _schema(name: str) -> Any:
    schema = json.loads((ROOT / "docs" / f"{name}.schema.json").read_text())
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)  # takes longer than to check results
    return kind(schema)


def true_to(name: str, document: Any) -> None:
    """A document is as docs/NAME.schema.json has it; else jsonschema.ValidationError."""
    _schema(name).validate(document)


def latest(tmp_path: Path, name: str = "results.json") -> dict[str, Any]:
    """A file of the last run of the `runner`; results are true to their schema."""
    found: dict[str, Any] = json.loads((tmp_path / "results" / "latest" / name).read_text())
    if name == "results.json":
        true_to("results", found)
    return found


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "boots: boots the real image in the real QEMU")
    _answers.append(kept_answers.begin())


def pytest_unconfigure() -> None:
    while _forked:
        _forked.pop().close()
    while _answers:
        kept_answers.end(_answers.pop())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if "PYTEST_XDIST_WORKER" in os.environ:
        places = {name: place for place, name in enumerate(LONGEST)}
        items.sort(key=lambda item: places.get(item.path.stem, len(places)))
    else:
        items.sort(key=lambda item: item.get_closest_marker("boots") is not None)


@pytest.fixture(name="build", scope="session")
def _build(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Many tests look at it, in any order: none may change it."""
    folder = images.build(tmp_path_factory.mktemp("build"))
    before = {path: path.read_bytes() for path in folder.iterdir()}
    yield folder
    assert {path: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


@pytest.fixture(name="saved", scope="session")
def _saved(tmp_path_factory: pytest.TempPathFactory) -> SavedMachine:
    """With the real images."""
    return saved_machine.shared(tmp_path_factory)


@pytest.fixture(name="runner")
def _runner(build: Path, tmp_path: Path) -> Runner:
    """Runs the runner on made-up images with the made-up QEMU."""

    def run(*arguments: str, qemu: str = str(HERE / "fake_qemu.sh"), **more: str) -> subprocess.CompletedProcess[str]:
        command = list(arguments)
        if command[:1] not in (["list"], ["compare"], ["baseline"], ["merge"], ["import"]):
            command += ["--qemu", qemu]
        if command[:1] not in (["list"], ["compare"], ["baseline"]):
            command += ["--results", str(tmp_path / "results")]
        return pvtest_call(*command, build=build, **more)

    return run
