# SPDX-License-Identifier: MIT
"""run.sh and tools/start.py, in trees with awkward names and with other runs beside them."""

from __future__ import annotations

import ast
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import images
import pytest
from conftest import PVTEST, ROOT, pvtest_call, runner_environment

AWKWARD = "it's a \"tree\": $HOME, ünï"
SETUP = '#!/bin/sh\necho "setup $*" >>"$CALLS"\nexit "${SETUP_CODE:-0}"\n'
MAKEFILE = """\
image:
\t@echo begin >>"$$CALLS"; sleep 0.5; echo end >>"$$CALLS"
"""
START = """\
import os, sys
if sys.argv[1:2] == ["--check-usage"]:
    print("run.sh: a complaint", file=sys.stderr)
    sys.exit(int(os.environ.get("USAGE_CODE", 0)))
open(os.environ["CALLS"], "a").write("start " + " ".join(sys.argv[1:]) + "\\n")
"""


@pytest.fixture(name="tree")
def _tree(tmp_path: Path) -> Path:
    """A tree whose set-up, build and runner only say that they were called."""
    tree = tmp_path / AWKWARD
    (tree / "tools").mkdir(parents=True)
    shutil.copy(ROOT / "run.sh", tree / "run.sh")
    (tree / "tools" / "setup.sh").write_text(SETUP)
    (tree / "tools" / "setup.sh").chmod(0o755)
    (tree / "Makefile").write_text(MAKEFILE)
    (tree / "tools" / "start.py").write_text(START)
    return tree


def begin(tree: Path, *words: str, **more: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "CALLS": str(tree / "calls"), **more}
    command = [str(tree / "run.sh"), *words]
    return subprocess.Popen(command, env=environment, cwd=tree.parent, stderr=subprocess.PIPE, text=True)


def calls(tree: Path) -> list[str]:
    return (tree / "calls").read_text().splitlines()


def test_set_up_build_run(tree: Path) -> None:
    assert begin(tree, "flush", "--plain").wait(20) == 0
    assert calls(tree) == ["setup run", "begin", "end", "start flush --plain"]


def test_two_runs_build_one_after_the_other(tree: Path) -> None:
    runs = [begin(tree), begin(tree)]
    told = [run.communicate(timeout=20)[1] for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    assert [call for call in calls(tree) if call in ("begin", "end")] == ["begin", "end"] * 2
    assert sum("another run builds in this tree" in text for text in told) == 1


def test_a_tree_of_another_user_is_named(tree: Path) -> None:
    (tree / "build").write_text("a file, where a folder is needed: so root cannot write there either")
    told = begin(tree).communicate(timeout=20)[1]
    assert "build cannot be written: the tree belongs to another user, or is read-only; copy it\n" in told
    assert calls(tree) == ["setup run"]


def test_no_setup_is_for_the_set_up_alone(tree: Path) -> None:
    assert begin(tree, "image", "--no-setup", "--force").wait(20) == 0
    assert calls(tree) == ["setup --no-setup image", "begin", "end", "start image --force"]
    (tree / "calls").unlink()
    assert begin(tree, "--no-setup", SETUP_CODE="4").wait(20) == 4
    assert calls(tree) == ["setup --no-setup run"]


def test_a_set_up_that_breaks_off_blames_no_host(tree: Path) -> None:
    run = begin(tree, SETUP_CODE="1")
    told = run.communicate(timeout=20)[1]
    assert run.returncode == 2 and told.endswith("run.sh: the set-up broke off\n")


@pytest.mark.parametrize("words", [["--help"], ["flush", "-h"], ["help"], ["--version"]])
def test_a_question_installs_nothing(tree: Path, words: list[str]) -> None:
    """Also on a machine without Python, which could answer it."""
    script = tree / "run.sh"
    text = script.read_text(encoding="utf-8")
    for place in ("python=/usr/bin/python3\n", "$(command -v python3)"):
        assert place in text
        text = text.replace(place, place.replace("python3", "no-python"))
    script.write_text(text, encoding="utf-8")
    run = begin(tree, *words)
    told = run.communicate(timeout=20)[1]
    assert run.returncode == 4 and "needs Python 3.11 or newer" in told and not (tree / "calls").exists()


@pytest.mark.parametrize("code", ["3", "4", "1"])
def test_a_wrong_command_line_costs_no_set_up_and_no_build(tree: Path, code: str) -> None:
    """Only that ends here: a Python that is too old (4) is named by the set-up."""
    run = begin(tree, "--sed", "1", USAGE_CODE=code)
    told = run.communicate(timeout=20)[1]
    if code == "3":
        assert (run.returncode, told) == (3, "run.sh: a complaint\n") and not (tree / "calls").exists()
    else:
        assert run.returncode == 0 and "complaint" not in told and calls(tree)[0] == "setup run"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--sed", "1"], "Did you mean --seed"),
        (["defects", "--restarts", "1"], "unrecognized arguments: --restarts"),
        (["--profile", "none-such"], "unknown profile 'none-such'"),
        (["--baseline", "none.toml"], "none.toml"),
        (["list", "--level", "tset"], "unknown level 'tset'"),
        (["--requirement", "FL-999"], "unknown requirement 'FL-999'"),
        (["--no-host", "--defect", "lazy"], "--no-host"),
        (["--iommu", "vtd", "--profile", "linux-merged"], "profile linux-merged is for runs on pviommu"),
        (["--replay", "/nowhere"], "/nowhere: No such file"),
        (["--replay", __file__], "the first line is 'pvtest-operations 1'"),
        (["--results", f"{__file__}/results"], "test_start.py is not a folder"),
        (["--firmware", "/nowhere.fd"], "--firmware /nowhere.fd: no such file"),
        (["--firmware", "/"], "--firmware /: is a folder"),
        (["--guest", "/"], "/: is a folder"),
        (["--host", __file__], "is no program for UEFI"),
        (["linux", "--kernel", __file__], "is no program for UEFI"),
        (["image", "--sign", "/nowhere.key", "/nowhere.pem"], "--sign /nowhere.key: no such file"),
        (["image", "--output", __file__, "--format", "raw"], "is there already; --force overwrites it"),
        (["image", "--target", "hyper-v", "--defect", "lazy"], "--defect is for the reference host"),
        (["bundle", "--output", __file__], "is there already; --force overwrites it"),
        (["reduce", "/nowhere", "a.b"], "/nowhere: No such file"),
    ],
)
def test_what_needs_no_image_is_checked_without_one(tmp_path: Path, words: list[str], told: str) -> None:
    done = pvtest_call("--check-usage", *words, build=tmp_path)
    assert done.returncode == 3 and told in done.stderr and done.stdout == ""


def test_a_pipe_is_left_to_the_command(tmp_path: Path) -> None:
    """It can be read once."""
    for option in ("--replay", "--baseline", "--profile"):
        command = ["bash", "-c", f"{shlex.join([*PVTEST, '--check-usage', option])} /dev/stdin; cat"]
        around = runner_environment(tmp_path)
        done = subprocess.run(command, input="all of it", env=around, stdout=subprocess.PIPE, text=True, check=False)
        assert done.stdout == "all of it", (option, done)


@pytest.mark.parametrize("words", [[], ["a.*", "--seed", "7"], ["defects", "x"], ["image"], ["show", "x"]])
def test_what_is_right_or_depends_on_an_image_passes_the_check(tmp_path: Path, words: list[str]) -> None:
    done = pvtest_call("--check-usage", *words, build=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


UNKNOWN = {
    "no test matches 'fluhs'": ["fluhs"],
    "no test matches 'flush.unmap@edu'": ["image", "flush.unmap@edu"],
    "unknown group 'fl'": ["list", "--group", "fl"],
    "unknown defect 'lasy'. Did you mean lazy": ["--defect", "lasy"],
    "unknown variant 'politely'. Did you mean polite": ["image", "--variant", "politely"],
    "unknown defect 'z'": ["linux", "--defect", "z"],
    "no defect matches 'no-flash' by name, group or requirement. Did you mean no-flush": ["defects", "no-flash"],
    "no variant matches 'no-flush'": ["list", "variants", "no-flush"],
    "is called 'flush.unmab'. Did you mean flush.unmap": ["show", "flush.unmab"],
}
KNOWN = [
    ["flush.unmap@rocker", "--defect", "lazy"],
    ["defects", "FL-1"],
    ["list", "variants", "polite"],
    ["show", "lazy"],
]


@pytest.mark.parametrize("told", UNKNOWN)
def test_an_unknown_name_is_refused_before_the_build(told: str, build: Path) -> None:
    done = pvtest_call("--check-usage", *UNKNOWN[told], build=build)
    assert done.returncode == 3 and told in done.stderr, done.stderr


@pytest.mark.parametrize("words", KNOWN)
def test_a_known_name_passes_the_check(words: list[str], build: Path) -> None:
    done = pvtest_call("--check-usage", *words, build=build)
    assert (done.returncode, done.stderr) == (0, "")


def test_images_that_may_lack_a_name_refuse_none(tmp_path: Path) -> None:
    """Without an image, with one older than a source, and with one that cannot be read, the build comes first."""
    assert pvtest_call("--check-usage", "fluhs", build=tmp_path).returncode == 0
    old = images.build(tmp_path / "old")
    os.utime(old / "refhost.efi", (1, 1))
    assert pvtest_call("--check-usage", "fluhs", build=old).returncode == 0
    whole = ["--host", str(old / "refhost.efi"), "--guest", str(old / "pvtest.efi")]
    assert pvtest_call("--check-usage", "fluhs", *whole, build=tmp_path).returncode == 3
    broken = images.build(tmp_path / "broken", tests=b"nonsense")
    assert pvtest_call("--check-usage", "fluhs", build=broken).returncode == 0


def test_a_failed_build_is_an_error(tree: Path) -> None:
    (tree / "Makefile").write_text("image:\n\t@false\n")
    run = begin(tree)
    assert "the build failed" in run.communicate(timeout=20)[1] and run.returncode == 2
    assert calls(tree) == ["setup run"]


@pytest.mark.parametrize("safe", ["", "1"])
def test_the_runner_starts_anywhere(tmp_path: Path, safe: str) -> None:
    tree = tmp_path / AWKWARD
    ignore = shutil.ignore_patterns("__pycache__")
    for name in ("tools", "docs", "abi"):
        shutil.copytree(ROOT / name, tree / name, ignore=ignore)
    shutil.copy(ROOT / "VERSION", tree / "VERSION")
    done = subprocess.run(
        [sys.executable, str(tree / "tools" / "start.py"), "--help"],
        env={**os.environ, "PYTHONSAFEPATH": safe, "PYTHONPATH": ""},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0 and "./run.sh" in done.stdout, done.stderr


def test_an_old_python_is_refused_with_a_sentence() -> None:
    text = (ROOT / "tools" / "start.py").read_text(encoding="utf-8")
    ast.parse(text, feature_version=(3, 4))
    script = (
        "import sys, collections; V = collections.namedtuple('V', 'major minor micro'); sys.version_info = V(3, 10, 1);"
        "exec(compile(sys.argv[1], 'start.py', 'exec'))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", script, text], capture_output=True, text=True, timeout=20, check=False
    )
    assert done.returncode == 4 and "is Python 3.10; 3.11 or newer is needed" in done.stderr
