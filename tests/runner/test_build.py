# SPDX-License-Identifier: MIT
"""The Makefile on a made-up tree, with a compiler and a linker that only write down what they were asked for."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT

COMPILER = """\
#!/bin/sh
echo "cc $*" >>calls
case "$*" in
--version) echo "fake 1.0" ;;
-print-file-name=*) echo "/usr/lib/${1#*=}" ;;
*) while [ $# -gt 1 ]; do shift; done; echo object >"$1" ;;
esac
"""
LINKER = """\
#!/bin/sh
echo "ld $*" >>calls
for word in "$@"; do
    case $before in -o) echo "$*" >"$word" ;; esac
    before=$word
done
"""
TIDY = """\
#!/bin/sh
echo "tidy $*" >>calls
for word; do
    case $word in
    --) exit $code ;;
    *.c) if grep -q mistake "$word"; then echo "$word: error"; code=1; fi ;;
    esac
done
"""
OBJCOPY = '#!/bin/sh\nwhile [ $# -gt 2 ]; do shift; done\ncp "$1" "$2"\n'


class Tree:
    """A tree of a few sources."""

    def __init__(self, folder: Path):
        self.folder = folder / "with a blank: and $more"

    def plant(self) -> None:
        """All that is not built."""
        for name in ("boot/a.c", "lib/stage1.c", "lib/b.c", "tests/c/c.c", "host/d/d.c", "lib/fmt.c", "lib/string.c"):
            self.add(name, "")
        for name in ("lib/options.c", "lib/calibrate.c", "linker/guest.lds", "linker/host.lds", "VERSION"):
            self.add(name, "1.0\n" if name == "VERSION" else "")
        self.add("tests/unit/unit.mk", "")
        self.add("tests/fuzz/fuzz.mk", "")
        self.add("host/defects/softiommu_seams.ld", "")
        self.add("cc", COMPILER)
        self.add("ld", LINKER)
        self.add("objcopy", OBJCOPY)
        self.add("clang-tidy", TIDY)
        self.add(".clang-tidy", "")
        shutil.copy(ROOT / "Makefile", self.folder / "Makefile")

    def add(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    def make(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self._make("build/pvtest.efi", "build/refhost.efi", *words)

    def tidied(self, *words: str) -> tuple[subprocess.CompletedProcess[str], list[list[str]]]:
        """Looks for findings; the files of each process."""
        done = self._make("lint-tidy", *words)
        calls = [call.split(" -- ")[0].split() for call in self.calls() if call.startswith("tidy ")]
        return done, [[word for word in call if word.endswith(".c")] for call in calls]

    def _make(self, *words: str) -> subprocess.CompletedProcess[str]:
        (self.folder / "calls").write_text("")
        tools = ("CC=./cc", "LD=./ld", "OBJCOPY=./objcopy", "HOST_TOLD=")
        return subprocess.run(
            ["make", "--no-print-directory", *tools, *words],
            env={**os.environ, "PATH": f".:{os.environ['PATH']}"},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def compiled(self) -> list[str]:
        return sorted(call.split(" -c ")[1].split(" -o ")[0] for call in self.calls() if " -c " in call)

    def linked(self) -> str:
        """The words of the linker that made the guest, which are the first line of a file of hundreds of megabytes: the
        Makefile takes them for a header, and writes to where that points."""
        with (self.folder / "build" / "pvtest.efi").open(encoding="utf-8") as image:
            return image.readline()

    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text(encoding="utf-8").splitlines()


@pytest.fixture(name="built", scope="module")
def _built(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    tree = Tree(tmp_path_factory.mktemp("tree"))
    tree.plant()
    done = tree.make()
    assert done.returncode == 0, done.stderr
    return tree


@pytest.fixture(name="tree")
def _tree(built: Tree, tmp_path: Path) -> Tree:
    """A copy of a built tree, with its times and the holes of its images."""
    tree = Tree(tmp_path)
    subprocess.run(["cp", "-a", str(built.folder), str(tree.folder)], check=True, timeout=60)
    return tree


def test_nothing_to_do_does_nothing(tree: Tree) -> None:
    done = tree.make()
    assert (done.returncode, tree.compiled()) == (0, []) and "LINK" not in done.stdout


def test_a_deleted_source_leaves_the_image(tree: Tree) -> None:
    assert "lib/b.c.o" in tree.linked()
    (tree.folder / "lib" / "b.c").unlink()
    assert tree.make().returncode == 0
    assert "lib/b.c.o" not in tree.linked() and tree.compiled() == []


def test_other_flags_compile_everything_again(tree: Tree) -> None:
    before = len(list(tree.folder.rglob("*.o")))
    assert tree.make("SMALL_OPT=-O1").returncode == 0
    assert len(tree.compiled()) == before


def test_small_code_is_the_rule(tree: Tree) -> None:
    tree.make("V=1", "WARN=-Wextra")
    guest = [call for call in tree.calls() if " -c " in call and "-o build/guest/" in call]
    fast = {call.split(" -c ")[1].split(" -o ")[0] for call in guest if " -O2 " in call}
    assert fast == {"lib/stage1.c", "lib/string.c"}
    assert sum(" -Oz " in call for call in guest) == len(guest) - len(fast) > 0


def test_one_process_looks_for_findings_in_many_files(tree: Tree) -> None:
    """In each file once. A file with a finding ends it; that file and those beside it are looked at again."""
    sources = sorted(str(path.relative_to(tree.folder)) for path in tree.folder.rglob("*.c"))
    (tree.folder / "lib" / "b.c").write_text("mistake")
    done, first = tree.tidied("TIDY_FILES=4", "-k")
    assert done.returncode == 2 and done.stdout.count("lib/b.c: error") == 1, done.stderr
    assert sorted(sum(first, [])) == sources and len(first) == -(-len(sources) // 4)
    (bad,) = [files for files in first if "lib/b.c" in files]
    (tree.folder / "host" / "d" / "d.c").write_text("mistake")
    (tree.folder / "lib" / "b.c").write_text("")
    done, second = tree.tidied()
    assert done.returncode == 2 and "host/d/d.c: error" in done.stdout
    assert sorted(sum(second, [])) == sorted({*bad, "host/d/d.c"})
    (tree.folder / "host" / "d" / "d.c").write_text("")
    assert tree.tidied()[0].returncode == 0
    assert tree.tidied()[1] == []
    assert len(sum(tree.tidied("SMALL_OPT=-O1")[1], [])) == len(sources)
    (tree.folder / ".clang-tidy").write_text("Checks: all\n")
    assert len(sum(tree.tidied("SMALL_OPT=-O1")[1], [])) == len(sources)


def test_the_nightly_analysis_looks_at_every_file_again(tree: Tree) -> None:
    every = len(sum(tree.tidied()[1], []))
    assert every > 0 and tree.tidied()[1] == []
    assert len(sum(tree.tidied("TIDY_NODES=225000")[1], [])) == every
    assert all("max-nodes=225000" in call for call in tree.calls() if call.startswith("tidy "))
    assert tree.tidied("TIDY_NODES=225000")[1] == tree.tidied()[1] == []


def test_a_file_with_variable_arguments_has_a_process_of_its_own(tree: Tree) -> None:
    """In LLVM 14 va_arg() in a second file of a process is reported, whatever is right before it."""
    for name in ("lib/b.c", "host/d/d.c"):
        (tree.folder / name).write_text("va_list list;\n")
    done, calls = tree.tidied()
    assert done.returncode == 0, done.stdout
    assert ["lib/b.c"] in calls and ["host/d/d.c"] in calls and max(map(len, calls)) > 1
    for name in ("lib/b.c", "host/d/d.c"):
        (tree.folder / name).write_text("va_list other;\n")
    done, calls = tree.tidied()
    assert (done.returncode, sorted(calls)) == (0, [["host/d/d.c"], ["lib/b.c"]])


@pytest.mark.parametrize("verbose", [True, False])
def test_commands_are_shown_on_request(tree: Tree, verbose: bool) -> None:
    (tree.folder / "boot" / "a.c").touch()
    out = tree.make(*(["V=1"] if verbose else [])).stdout
    assert ("./cc -std=" in out) == verbose and ("  CC    guest  boot/a.c" in out) != verbose


def test_missing_gnu_efi_is_named(tree: Tree) -> None:
    done = tree.make("EFI_LIB=")
    assert done.returncode == 2 and "gnu-efi was not found" in done.stderr and tree.compiled() == []


def test_help_is_short_and_complete() -> None:
    text = "\n" + "".join((ROOT / name).read_text(encoding="utf-8") for name in ("Makefile", "tests/unit/unit.mk"))
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    lines = done.stdout.splitlines()
    assert len(lines) < 24 and max(map(len, lines)) <= 100
    tests = ("test", "test-distributions", "test-hyper-v", "test-unit-faults", "unit")
    for target in ("image", *tests, "lint", "lint-words", "docs", "sizes", "clean"):
        assert f"\n{target}:" in text and f"\n  {target}" in done.stdout
