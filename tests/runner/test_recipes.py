# SPDX-License-Identifier: MIT
"""Recipes for CI systems: they are well formed, and every command in them is one that there is."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT, runner_environment

from pvtest.cli.main import COMMANDS, parse, parser_of

GITHUB = ROOT / ".github" / "workflows" / "conformance.yml"
GITLAB = ROOT / ".gitlab-ci.yml"
CONTAINER = ROOT / "Containerfile"
# Values that the CI systems put in.
VALUES = {
    "${{ matrix.campaign }}": "defects",
    "${{ matrix.extent }}": "--matrix",
    "${{ matrix.shard }}": "2",
    "${{ matrix.machine }}": "2",
    "$CI_NODE_INDEX": "2",
    "$CI_NODE_TOTAL": "4",
}


def strings(node: Any, keys: tuple[str, ...], inside: bool = False) -> Iterator[str]:
    """All text below one of these keys."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from strings(value, keys, inside or key in keys)
    elif isinstance(node, list):
        for value in node:
            yield from strings(value, keys, inside)
    elif inside and isinstance(node, str):
        yield node


def commands(name: str) -> list[str]:
    """Shell lines of one recipe, in order."""
    if name == "container":
        text = CONTAINER.read_text()
        lines = re.findall(r"pvtest ((?:\./run\.sh|make) .*)", text)
        return lines + re.findall(r"^RUN (\S+ \w+)", text, re.MULTILINE)
    path, keys = (GITHUB, ("run",)) if name == "github" else (GITLAB, ("script", "before_script", "after_script"))
    blocks = strings(yaml.safe_load(path.read_text()), keys)
    return [line for block in blocks for line in block.splitlines()]


def fill(line: str) -> str:
    for word, value in VALUES.items():
        line = line.replace(word, value)
    return line


RECIPES = ("github", "gitlab", "container")


@pytest.mark.parametrize("recipe", RECIPES)
def test_both_commands_are_in_it(recipe: str) -> None:
    lines = commands(recipe)
    assert "make test" in lines
    assert any(re.match(r"\./run\.sh --", line) for line in lines)
    assert "tools/setup.sh test" in lines


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_command_is_one_that_there_is(recipe: str) -> None:
    found = 0
    for line in map(fill, commands(recipe)):
        words = shlex.split(line.partition(">>")[0])
        if words[0] != "./run.sh":
            assert words[0] in ("make", "cp", "cat", "mkdir", "tools/setup.sh", "sudo"), line
            continue
        found += 1
        command, options = parse(words[1:])
        assert options.plain or recipe == "container"
        for option in (word for word in words if word.startswith("--")):
            assert option in parser_of(command).format_help()
    assert found >= (1 if recipe == "container" else 4)


@pytest.mark.parametrize("recipe", RECIPES[:2])
def test_all_parts_are_merged(recipe: str) -> None:
    """As many parts as machines, each by the name it was stored under."""
    lines = commands(recipe)
    shards = {fill(line).partition("--shard ")[2].split()[0].partition("/")[2] for line in lines if "--shard" in line}
    assert shards == {"4"}
    merges = [line for line in lines if line.startswith("./run.sh merge")]
    assert merges
    for line in merges:
        folders = [word for word in line.split()[2:] if re.search(r"-\d$", word)]
        assert [word[-1] for word in folders] == ["1", "2", "3", "4"]
        stored = {fill(word).split()[-1] for word in lines if word.startswith("cp -RL out/latest")}
        assert folders[1].rpartition("/")[2] in stored
    text = (GITHUB if recipe == "github" else GITLAB).read_text()
    assert ("shard: [1, 2, 3, 4]" in text) or ("parallel: 4" in text)


def test_github_jobs_hang_together() -> None:
    jobs = yaml.safe_load(GITHUB.read_text())["jobs"]
    for name, job in jobs.items():
        # PowerShell is on the machine itself.
        container = None if name == "hyper-v-script" else "debian:12"
        assert job["runs-on"] and job.get("container") == container and job["timeout-minutes"] <= 120, name
        assert job["steps"][0]["uses"].startswith("actions/checkout@")
        needs = job.get("needs", [])
        assert set([needs] if isinstance(needs, str) else needs) <= set(jobs)
        uploads = [step for step in job["steps"] if "upload-artifact" in step.get("uses", "")]
        assert len(uploads) == 1 and uploads[0]["if"] == "always()", f"{name}: results of a failed run matter most"


def test_gitlab_jobs_hang_together() -> None:
    document = yaml.safe_load(GITLAB.read_text())
    jobs = {name: job for name, job in document.items() if isinstance(job, dict) and not name.startswith(".")}
    assert {"suite", "test", "defects", "variants", "soak"} <= set(jobs)
    for name, job in jobs.items():
        base = document.get(job.get("extends", ""), {})
        whole = {**document.get(base.get("extends", ""), {}), **base, **job}
        assert whole["stage"] in document["stages"] and whole["script"], name
        assert whole["artifacts"]["when"] == "always"
        assert set(whole.get("needs", [])) <= set(jobs)


def test_container_brings_what_the_set_up_needs() -> None:
    lines = [line.split() for line in CONTAINER.read_text().splitlines() if line.startswith("COPY")]
    for name in lines[0][1:-1]:
        assert (ROOT / name).is_file()
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert "build" in ignored and ".git" in ignored


def test_commands_of_the_guide_are_there() -> None:
    """Every ./run.sh line of the documents is understood."""
    for path in (ROOT / "README.md", ROOT / "docs" / "runner.md", ROOT / "docs" / "hyper-v.md"):
        for block in re.findall(r"```(?:sh)?\n(.*?)```", path.read_text(), re.DOTALL):
            for line in re.findall(r"(?m)^\./run\.sh.*", block):
                words = shlex.split(re.split(r"\s{2,}|>", line)[0])[1:]
                command = words[0] if words and words[0] in COMMANDS else "run"
                if command.isupper() or "COMMAND" in words:
                    continue
                parse(words)


@pytest.mark.parametrize("campaign, summary", [("defects", "1 caught, 1 missed"), ("variants", "1 pass, 1 fail")])
def test_parts_of_a_campaign_become_one(build: Path, tmp_path: Path, campaign: str, summary: str) -> None:
    """The lines of the GitLab recipe, on made-up images with one good and one bad switch; two machines get none."""
    jobs = yaml.safe_load(GITLAB.read_text())
    environment = runner_environment(build, CI_NODE_TOTAL="4")
    codes = []
    for part in range(1, 5):
        environment["CI_NODE_INDEX"] = str(part)
        script = f"{jobs[campaign]['script'][0]} --qemu {Path(__file__).with_name('fake_qemu.sh')}"
        codes.append(shell(script, tmp_path, environment).returncode)
        assert shell(jobs[campaign]["after_script"][0], tmp_path, environment).returncode == 0
    assert sorted(codes) == [0, 0, 0, 1], "only the machine with the bad one fails"
    done = shell(jobs[f"merge-{campaign}"]["script"][0], tmp_path, environment)
    assert done.returncode == 1 and summary in done.stdout
    assert (tmp_path / "out" / "latest" / "junit.xml").is_file()


def shell(line: str, folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/bash", "-c", line.replace("./run.sh", f"{sys.executable} -m pvtest")],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(("setup", "code", "called"), [(0, 2, ["setup test", "make"]), (4, 4, ["setup test"])])
def test_ci_run_sets_up_first(tmp_path: Path, setup: int, code: int, called: list[str]) -> None:
    for name, text in (
        ("tools/setup.sh", f'#!/bin/sh\necho "setup $*" >>"{tmp_path}/calls"\nexit {setup}\n'),
        ("Makefile", f'test:\n\t@echo make >>"{tmp_path}/calls"; exit 1\n'),
        (".ci/run", (ROOT / ".ci" / "run").read_text(encoding="utf-8")),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    done = subprocess.run([tmp_path / ".ci" / "run"], capture_output=True, timeout=20, check=False)
    assert (done.returncode, (tmp_path / "calls").read_text().splitlines()) == (code, called)


def test_container_is_the_same_each_time_and_needs_no_root() -> None:
    text = CONTAINER.read_text(encoding="utf-8")
    assert re.search(r"^FROM debian:bookworm-20\d{6}$", text, re.MULTILINE)
    users = re.findall(r"^USER (\S+)$", text, re.MULTILINE)
    assert users == ["pvtest"] and text.index("USER pvtest") > text.rindex("RUN ")
