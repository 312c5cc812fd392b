# SPDX-License-Identifier: MIT
"""./run.sh bundle: what is in it, and that it runs where nothing is installed but Python and QEMU."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import images
import pytest
from conftest import ROOT, pvtest_call

from pvtest import paths
from pvtest.dev import bundle, vendor
from pvtest.errors import MissingError, RunnerError

# Packing takes seconds: all tests look at one archive, which has the real images where there are any.
BUILT = paths.GUEST_IMAGE.exists() and paths.HOST_IMAGE.exists()
VERSION = (ROOT / "VERSION").read_text().strip() if BUILT else "9.9"
TEST = "discovery.clearing_os_id_disables" if BUILT else "cap.page_sizes"


def pack(build: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return pvtest_call("bundle", *arguments, build=build, seconds=120)


def made_up(folder: Path) -> Path:
    """Images with debug files."""
    build = images.build(folder)
    (build / "refhost.debug").write_bytes(b"debug")
    return build


def to_pack(folder: Path) -> Path:
    """The build folder whose images go into an archive."""
    return paths.BUILD if BUILT else made_up(folder / "build")


@pytest.fixture(name="archive", scope="module")
def _archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    done = pack(to_pack(folder), "--output", str(folder / "b.tar.gz"))
    assert done.returncode == 0, done.stderr
    return folder / "b.tar.gz"


@pytest.fixture(name="unpacked", scope="module")
def _unpacked(archive: Path) -> Path:
    shutil.unpack_archive(archive, archive.parent / "there", "gztar")
    return archive.parent / "there" / f"pvtest-{VERSION}"


def test_contents(archive: Path) -> None:
    with tarfile.open(archive) as tar:
        entries = tar.getmembers()
        names = [entry.name for entry in entries]
        assert all(entry.isfile() and entry.mtime == 0 and entry.uid == entry.gid == 0 for entry in entries)
        assert [entry.name for entry in entries if entry.mode == 0o755] == [f"pvtest-{VERSION}/run.sh"]
    assert names == sorted(names) and all(name.startswith(f"pvtest-{VERSION}/") for name in names)
    inside = {name.removeprefix(f"pvtest-{VERSION}/") for name in names}
    assert inside >= {f"build/{name}" for name in bundle.IMAGES}
    assert inside >= {"README.md", "LICENSE", "docs/runner.md", "docs/results.schema.json", "abi/requirements.toml"}
    assert inside >= {"docs/catalogue.md", "docs/requirements.md", "docs/pvtest.1", "docs/completion.bash"}
    assert inside >= {"tools/pvtest/cli/main.py", "tools/pvtest/report/report.html", "tools/profiles/strict.toml"}
    assert inside >= {"kernel/main.c", "tests/harness/suite.c", "tools/hyper-v/Run-PvTest.ps1"}
    assert inside >= {"vendor/rich/console.py", "vendor/licenses/rich.txt", "vendor/licenses/jinja2.txt"}
    assert not [name for name in inside if name.startswith("tools/pvtest/dev")]
    assert not [name for name in inside if name.endswith((".so", ".pyc")) or "__pycache__" in name]
    packages = {name.split("/")[1].removesuffix(".py") for name in inside if name.startswith("vendor/")} - {"licenses"}
    assert packages == {name.split("/")[2].removesuffix(".txt") for name in inside if "/licenses/" in name}


def test_sums(unpacked: Path) -> None:
    lines = [line.split("  ") for line in (unpacked / "SHA256SUMS").read_text().splitlines()]
    assert {name for _, name in lines} | {"SHA256SUMS"} == {
        path.relative_to(unpacked).as_posix()
        for path in unpacked.rglob("*")
        if path.is_file() and unpacked / "build" / "results" not in path.parents
    }
    for digest, name in lines:
        assert hashlib.sha256((unpacked / name).read_bytes()).hexdigest() == digest


def test_two_bundles_are_equal(archive: Path, tmp_path: Path) -> None:
    again = tmp_path / "elsewhere.tgz"
    assert pack(to_pack(tmp_path), "--output", str(again)).returncode == 0
    assert again.read_bytes() == archive.read_bytes()


@pytest.mark.parametrize(
    "words, message",
    [
        (["--output", "FOLDER/old"], "is there already; --force overwrites it"),
        (["--output", "FOLDER"], "is a folder"),
        (["--output", "FOLDER/old/b.tar.gz"], "is no folder"),
        (["discovery"], "unrecognized arguments: discovery"),
    ],
)
def test_wrong_wishes(tmp_path: Path, words: list[str], message: str) -> None:
    build = made_up(tmp_path / "build")
    (tmp_path / "old").write_bytes(b"old")
    done = pack(build, *(word.replace("FOLDER", str(tmp_path)) for word in words))
    assert done.returncode == 3 and message in done.stderr
    assert (tmp_path / "old").read_bytes() == b"old" and not (build / "pvtest-9.9.tar.gz").exists()


def test_without_debug_files(tmp_path: Path) -> None:
    done = pack(images.build(tmp_path / "build"), "--output", str(tmp_path / "b.tar.gz"))
    assert done.returncode == 2 and "refhost.debug" in done.stderr and "make image" in done.stderr


def bare(folder: Path, unpacked: Path, *, qemu: bool = True) -> dict[str, str]:
    """A machine without packages: a PATH of a few programs, and a Python that knows its own library alone. Modules are
    compiled once, beside the bundle."""
    folder.mkdir()
    for name in ("sh", "dirname"):
        (folder / name).symlink_to(str(shutil.which(name)))
    # -S: without `site` there are no packages of the distribution or of the user.
    (folder / "python3").write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    (folder / "python3").chmod(0o755)
    if qemu:
        (folder / "qemu-system-x86_64").symlink_to(str(shutil.which("qemu-system-x86_64")))
    return {"PATH": str(folder), "HOME": str(folder), "PYTHONPYCACHEPREFIX": str(unpacked.parent / "compiled")}


def run(unpacked: Path, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(unpacked / "run.sh"), *arguments],
        env=environment,
        cwd=environment["HOME"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_every_command_starts_without_packages(unpacked: Path, tmp_path: Path) -> None:
    environment = bare(tmp_path / "bin", unpacked)
    done = run(unpacked, environment, "list", TEST)
    assert done.returncode == 0 and TEST in done.stdout, done.stderr
    for command in ("run", "list", "defects", "variants", "bench", "image", "bundle", "compare", "merge", "baseline"):
        done = run(unpacked, environment, command, "--help")
        assert done.returncode == 0 and "examples:" in done.stdout, done.stderr
    done = run(unpacked, environment, "compare", "no-such-file", "no-such-file")
    assert done.returncode == 3 and "no-such-file" in done.stderr
    for command in ("bundle", "check-catalogue"):
        done = run(unpacked, environment, command)
        assert done.returncode == 3 and "this is a bundle" in done.stderr


def test_what_is_missing_is_named(unpacked: Path, tmp_path: Path) -> None:
    environment = bare(tmp_path / "bin", unpacked, qemu=False)
    done = run(unpacked, environment)
    assert done.returncode == 4 and "QEMU not found" in done.stderr and "setup.sh" not in done.stderr
    (tmp_path / "bin" / "python3").write_text("#!/bin/sh\nexit 1\n")
    done = run(unpacked, environment)
    assert done.returncode == 4 and "is not Python 3.11 or newer" in done.stderr


def test_nothing_beside_the_bundle_is_taken_for_a_module(unpacked: Path, tmp_path: Path) -> None:
    environment = bare(tmp_path / "bin", unpacked)
    (tmp_path / "bin" / "rich.py").write_text("raise SystemExit(77)\n")
    (tmp_path / "bin" / "json.py").write_text("raise SystemExit(77)\n")
    assert run(unpacked, environment, "list", TEST).returncode == 0


def test_a_package_that_needs_a_compiled_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """An optional one is left out and named, another one ends the packing."""
    monkeypatch.setattr(vendor, "NEEDED", ("jinja2",))
    monkeypatch.setattr(vendor, "_works_alone", lambda name, files: name != "jsonschema")
    found = vendor.collect()
    assert found.left_out == {"jsonschema": "compare, merge and baseline"}
    assert "jinja2/__init__.py" in found.files and not any(name.startswith("jsonschema/") for name in found.files)
    assert "jsonschema. Without it on the machine, compare, merge" in bundle._about("1", found, "none")
    monkeypatch.setattr(vendor, "_works_alone", lambda name, files: False)
    with pytest.raises(RunnerError, match="jinja2 of this machine needs a compiled module"):
        vendor.collect()


def test_a_package_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vendor, "NEEDED", ("no_such_package",))
    with pytest.raises(MissingError, match="no package no_such_package"):
        vendor.collect()


def test_no_package_without_a_licence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vendor, "package_licence", lambda path: b"")
    monkeypatch.setattr(vendor, "_distribution", lambda module: None)
    with pytest.raises(RunnerError, match="no license found for"):
        vendor.collect()


def test_no_firmware_without_a_licence(monkeypatch: pytest.MonkeyPatch) -> None:
    files, said = bundle._firmware()
    assert set(files) == {"firmware/OVMF_CODE.fd", "firmware/OVMF_VARS.fd", "firmware/LICENSE.txt"} and "OVMF" in said
    monkeypatch.setattr(vendor, "package_licence", lambda path: b"")
    files, said = bundle._firmware()
    assert files == {} and "no license was found" in said


@pytest.mark.boots
@pytest.mark.skipif(not BUILT, reason="the images are not built")
def test_it_boots_judges_and_names_the_lines_of_a_crash(unpacked: Path, tmp_path: Path) -> None:
    environment = bare(tmp_path / "bin", unpacked)
    done = run(unpacked, environment, "discovery", "--plain")
    assert done.returncode == 0 and " PASS " in done.stdout, done.stdout + done.stderr
    results = unpacked / "build" / "results" / "latest"
    assert "<title>PASS" in (results / "report.html").read_text()
    assert f"{unpacked}/firmware/OVMF_CODE.fd" in (results / "results.json").read_text()
    done = run(unpacked, environment, "discovery", "--plain", "--fixture", "crash", "--restarts", "0")
    assert done.returncode == 2 and "tests/harness/broken.c:" in done.stdout, done.stdout + done.stderr
    done = run(unpacked, environment, "compare", str(results), str(results))
    assert done.returncode == 0, done.stderr
