# SPDX-License-Identifier: MIT
"""`./run.sh new-test GROUP.NAME`: writes a skeleton into the folder of its group, builds it, and sees it fail."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from pvtest import paths
from pvtest.errors import EXIT_FAIL, EXIT_OK, RunnerError, UsageError
from pvtest.images import catalogue
from pvtest.images.catalogue import Catalogue

NOT_WRITTEN = "not written yet"
SKELETON = f"""\
/* SPDX-License-Identifier: MIT */
#include "tests/harness/fixture.h"

#define TEST_GROUP "@GROUP@"

TEST(@NAME@,
     PROMISE("One sentence: the host does this when the guest does that")
     COVERS("@COVERS@") DEVICES(ALL) KINDS("dma")
     STEPS("Maps a page, attaches the device, and lets it write to that page.")
     EXPECTS("The bytes are in the page, and nothing else changes.")
     IF_IT_FAILS("For the engineers of a host: the mechanism to look at, and the harm that comes of it."))
{{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b);

    attach(t, d, e);
    expect_write(t, e, IOVA, &b, 0, 64, "the page that is mapped");
    CHECK(false, "{NOT_WRITTEN}");
}}
"""


def folder_of(group: str, tests: Catalogue) -> Path:
    """The folder of the tests of that group; a new group gets a folder of its name."""
    folders = [Path(test.where.rpartition(":")[0]).parent for test in tests.tests if test.group == group]
    return max(folders, key=folders.count) if folders else Path("tests", group.replace("-", "_"))


def skeleton(name: str, tests: Catalogue) -> tuple[Path, str]:
    """The file, from the top of the tree, and its text. UsageError: the id is none, or taken."""
    if not catalogue.TEST_ID.fullmatch(name):
        raise UsageError(
            f"{name!r} is no id of a test: GROUP.NAME in small letters and digits; '-' joins words of the group, '_' "
            "those of the name"
        )
    for test in tests.tests:
        if test.id == name:
            raise UsageError(f"there is a test {name}: {test.where}")
    group, _, rest = name.partition(".")
    file = folder_of(group, tests) / f"{rest}.c"
    # A requirement that has a test already: this one changes nothing in what is covered.
    like = next((test for test in tests.tests if test.group == group), tests.tests[0])
    text = SKELETON.replace("@GROUP@", group).replace("@NAME@", rest).replace("@COVERS@", like.requirements[0])
    return file, text


def _write(file: Path, text: str) -> None:
    path = paths.ROOT / file
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError:
        raise UsageError(f"{file} exists; declare the test in it, or choose another name") from None


def _build() -> None:
    command = ["make", "--no-print-directory", f"-j{os.cpu_count() or 1}", f"PYTHON={sys.executable}", "image"]
    if subprocess.run(command, cwd=paths.ROOT, stdout=sys.stderr, check=False).returncode != 0:
        raise RunnerError("the build failed")


def main(options: argparse.Namespace) -> int:
    """Success: the skeleton is built, runs, and fails, as nothing is tested yet."""
    file, text = skeleton(options.name, catalogue.load_tests())
    _write(file, text)
    _build()
    command = [sys.executable, str(paths.ROOT / "tools" / "start.py"), "run", options.name, "--plain", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    print(done.stdout, end="")
    print(done.stderr, end="", file=sys.stderr)
    if done.returncode != EXIT_FAIL or NOT_WRITTEN not in done.stdout:
        raise RunnerError(f"{file} does not fail with {NOT_WRITTEN!r}, as a skeleton should")
    print(f"Write the test: {file}. docs/writing-tests.md tells how; ./run.sh {options.name} runs it.")
    return EXIT_OK
