# SPDX-License-Identifier: MIT
"""`./run.sh new-test`: a skeleton that builds, runs and fails."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import images
import pytest
from conftest import ROOT
from pvtest import paths
from pvtest.dev.new_test import folder_of, skeleton
from pvtest.errors import EXIT_OK, EXIT_USAGE, UsageError
from pvtest.images.catalogue import parse_tests

CATALOGUE = parse_tests(images.catalogue_section())


@pytest.mark.parametrize(
    "name", ["flush", "flush.", ".x", "Flush.x", "flush.X", "flush.a-b", "flush.a b", "../x.y", "a_b.c"]
)
def test_a_malformed_id_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is no id of a test"):
        skeleton(name, CATALOGUE)


def test_an_id_that_exists_is_refused() -> None:
    with pytest.raises(UsageError, match="there is a test flush.unmap: tests/flush.c:7"):
        skeleton("flush.unmap", CATALOGUE)


def test_it_goes_to_the_folder_of_its_group() -> None:
    assert folder_of("flush", CATALOGUE) == Path("tests")
    assert folder_of("new-group", CATALOGUE) == Path("tests/new_group")
    file, text = skeleton("flush.2m_leaf", CATALOGUE)
    assert file == Path("tests/2m_leaf.c") and "TEST(2m_leaf,\n" in text and 'TEST_GROUP "flush"' in text
    assert 'COVERS("GEN-3")' in text, "a requirement of the group"


@pytest.mark.boots
@pytest.mark.skipif(
    not paths.GUEST_IMAGE.exists() or not paths.HOST_IMAGE.exists(), reason="the images are not built"
)
def test_it_builds_runs_and_fails(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for name in ("abi", "boot", "kernel", "drivers", "lib", "host", "tests", "tools", "linker", "docs"):
        shutil.copytree(ROOT / name, tree / name)
    for name in ("Makefile", "VERSION"):
        shutil.copy2(ROOT / name, tree)
    # With what is built already: only the new file is compiled.
    subprocess.run(["cp", "-a", str(ROOT / "build"), str(tree)], check=True, timeout=60)
    command = [sys.executable, str(tree / "tools" / "start.py"), "new-test", "new-group.first_test"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == EXIT_OK, done.stdout + done.stderr
    assert "not written yet" in done.stdout and "tests/new_group/first_test.c" in done.stdout
    assert (tree / "tests" / "new_group" / "first_test.c").is_file()
    again = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert again.returncode == EXIT_USAGE and "there is a test new-group.first_test" in again.stderr
