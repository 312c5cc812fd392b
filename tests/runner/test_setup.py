# SPDX-License-Identifier: MIT
"""tools/setup.sh on made-up machines: a folder stands for the root of the system, small scripts for its programs."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT

SETUP = ROOT / "tools" / "setup.sh"
TOOLS = "tr awk bash cat cut dirname grep id mktemp rm sed sort tail tee touch mkdir ln chmod head env".split()
BUILD = ["gcc", "make", "ld"]
DISKS = ["mcopy", "qemu-img", "sfdisk"]
LINT = ["sbsign", "clang", "clang-format", "clang-tidy", "cppcheck", "shellcheck", "flake8", "mypy"]
FILES = "usr/include/stdio.h usr/include/efi/efi.h usr/share/OVMF/OVMF_CODE.fd".split()
FILES += ["usr/include/cmocka.h", "usr/sbin/fsck.fat"]
FUZZER = "usr/lib/llvm-14/lib/clang/14.0.6/lib/linux/libclang_rt.fuzzer-x86_64.a"
FILES += [FUZZER]

APT_GET = r"""#!/bin/bash
echo "apt-get $*" >>"$STATE/calls"
backports() { grep -qs backports "$PVTEST_SYSROOT"/etc/apt/sources.list.d/pvtest-*; }
for word in "$@"; do
    case $word in
    update)
        [ -e "$STATE/update-fails" ] && { echo "E: mirror does not answer"; exit 100; }
        exit 0 ;;
    indextargets) cat "$STATE/targets"; exit 0 ;;
    install)
        [ -e "$STATE/install-fails" ] && { echo "E: Unable to locate package"; exit 100; }
        for package in "$@"; do
            case $package in
            qemu-system-x86)
                version=$(cut -d: -f2 "$STATE/candidate")
                case " $* " in *" -t "*) version=10.0.2 ;; esac
                { echo '#!/bin/bash'; echo "echo 'QEMU emulator version ${version%%[+~-]*}'"; cat "$STATE/flags"; } \
                    >"$BIN/qemu-system-x86_64"
                chmod +x "$BIN/qemu-system-x86_64" ;;
            gnu-efi) mkdir -p "$PVTEST_SYSROOT/usr/include/efi"; touch "$PVTEST_SYSROOT/usr/include/efi/efi.h" ;;
            esac
            echo "Setting up $package (1.0) ..."
        done ;;
    esac
done
"""
APT_CACHE = r"""#!/bin/bash
if [ "$1" = policy ]; then
    printf 'qemu-system-x86:\n  Installed: (none)\n  Candidate: %s\n' "$(cat "$STATE/candidate")"
else
    if grep -qs backports "$PVTEST_SYSROOT"/etc/apt/sources.list.d/* && [ ! -e "$STATE/no-backports" ]; then
        echo 'qemu-system-x86 | 1:10.0.2+ds-2~bpo12+1 | http://m/debian bookworm-backports/main amd64 Packages'
    fi
    echo "qemu-system-x86 | $(cat "$STATE/candidate") | http://m/debian bookworm/main amd64 Packages"
fi
"""

DEB822 = """\
# Comment

Types: deb deb-src
URIs: http://other.example/thing
Suites: thing
Components: main

Types: deb deb-src
# another comment
URIs: http://proxy.example:3142/debian
Suites: bookworm bookworm-updates
Components: main contrib
Trusted: yes
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQINBGPL0BUBEADmW5NdOOHwPIJlgPu6JDcKw
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb
URIs: http://security.example/debian-security
Suites: bookworm-security
Components: main
"""


class Machine:
    """A Debian 12 with everything, from which a test takes something away."""

    def __init__(self, folder: Path):
        self.more: dict[str, str] = {}  # in the environment
        self.bin, self.root, self.state = folder / "bin", folder / "root", folder / "state"
        for path in (self.bin, self.state, self.root / "etc/apt/sources.list.d", self.root / "usr/bin"):
            path.mkdir(parents=True)
        for name in TOOLS:
            (self.bin / name).symlink_to(str(shutil.which(name)))
        for name in BUILD + DISKS + LINT:
            self.program(name, "exit 0")
        self.program("qemu-system-x86_64", 'echo "QEMU emulator version 10.0.2"')
        self.program("id", "echo ${FAKE_UID:-0}")
        for file in FILES:
            (self.root / file).parent.mkdir(parents=True, exist_ok=True)
            (self.root / file).touch()
        (self.root / "usr/bin/python3").symlink_to("/usr/bin/python3")
        self.release("debian", "bookworm", "12")
        self.program("apt-get", APT_GET)
        self.program("apt-cache", APT_CACHE)
        (self.state / "flags").write_text("echo '  nx npt svm'\n")
        self.candidate("1:7.2+dfsg-7+deb12u18")
        (self.state / "targets").touch()

    def program(self, name: str, text: str) -> None:
        path = self.bin / name
        path.unlink(missing_ok=True)
        path.write_text(text if text.startswith("#!") else f"#!/bin/bash\n{text}\n")
        path.chmod(0o755)

    def release(self, name: str, codename: str, version: str) -> None:
        text = f'ID={name}\nVERSION_ID="{version}"\nVERSION_CODENAME={codename}\n'
        (self.root / "etc/os-release").write_text(text)

    def candidate(self, version: str) -> None:
        (self.state / "candidate").write_text(version)

    def source(self, name: str, text: str, targets: str) -> None:
        path = self.root / "etc/apt/sources.list.d" / name
        path.write_text(text)
        (self.state / "targets").write_text(targets.replace("@", str(path)))

    def without(self, *names: str) -> None:
        for name in names:
            path = self.root / name if "/" in name else self.bin / name
            path.unlink()

    def run(self, *arguments: str, uid: int = 0) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": str(self.bin),
            "PVTEST_SYSROOT": str(self.root),
            "STATE": str(self.state),
            "BIN": str(self.bin),
            "FAKE_UID": str(uid),
            "HOME": os.environ.get("HOME", "/"),
            **self.more,
        }
        command = ["bash", str(SETUP), *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)

    @property
    def calls(self) -> str:
        path = self.state / "calls"
        return path.read_text() if path.exists() else ""

    def added(self, name: str) -> str:
        return (self.root / "etc/apt/sources.list.d" / name).read_text()


@pytest.fixture(name="machine")
def _machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.parametrize("what", ["run", "image", "test"])
def test_nothing_to_do_says_and_does_nothing(machine: Machine, what: str) -> None:
    done = machine.run(what)
    assert (done.returncode, done.stdout, done.stderr, machine.calls) == (0, "", "", "")


def test_running_needs_less_than_testing(machine: Machine) -> None:
    machine.without("cppcheck", "usr/include/cmocka.h", FUZZER)
    assert machine.run("run").returncode == 0
    done = machine.run("test", uid=1000)
    assert done.returncode == 4
    assert "package cppcheck" in done.stderr and "package libcmocka-dev" in done.stderr
    assert "package libclang-rt-dev" in done.stderr


def test_without_root_it_lists_what_is_missing(machine: Machine) -> None:
    machine.without("gcc", "qemu-system-x86_64")
    done = machine.run("run", uid=1000)
    assert done.returncode == 4
    assert "package gcc), to build the images" in done.stderr
    assert "QEMU 10 or later (found: 0)" in done.stderr
    assert "sudo tools/setup.sh run" in done.stderr
    assert machine.calls == ""


def test_without_apt_it_lists_what_is_missing(machine: Machine) -> None:
    machine.without("apt-get", "usr/share/OVMF/OVMF_CODE.fd")
    done = machine.run("run")
    assert done.returncode == 4 and "no apt-get here" in done.stderr and "package ovmf" in done.stderr


def test_old_qemu_counts_as_missing(machine: Machine) -> None:
    machine.program("qemu-system-x86_64", 'echo "QEMU emulator version 7.2.19"')
    done = machine.run("run", uid=1000)
    assert done.returncode == 4 and "found: 7" in done.stderr


def test_without_python_all_its_packages_are_asked_for(machine: Machine) -> None:
    machine.without("usr/bin/python3")
    done = machine.run("run", uid=1000)
    assert done.returncode == 4 and "package python3)" in done.stderr and "python3-rich" in done.stderr


def test_an_old_python_counts_as_missing(machine: Machine) -> None:
    machine.without("usr/bin/python3")
    python = machine.root / "usr/bin/python3"
    python.write_text('#!/bin/sh\ncase $2 in *version_info*) echo 3.10 ;; esac\n')
    python.chmod(0o755)
    done = machine.run("run")
    assert done.returncode == 4
    assert f"Python 3.11 or later ({python} is 3.10) (package python3), to run and report" in done.stderr


@pytest.mark.parametrize("no_setup", [["--no-setup"], []])
def test_nothing_is_installed_unless_wanted(machine: Machine, no_setup: list[str]) -> None:
    machine.without("usr/include/efi/efi.h", "qemu-system-x86_64")
    if not no_setup:
        machine.more["PVTEST_NO_SETUP"] = "1"
    done = machine.run(*no_setup, "run")
    assert done.returncode == 4 and machine.calls == ""
    assert "nothing is installed with --no-setup" in done.stderr and "package gnu-efi" in done.stderr


def test_it_says_first_what_it_will_do(machine: Machine) -> None:
    machine.release("debian", "bookworm", "12")
    machine.without("qemu-system-x86_64")
    (machine.state / "update-fails").touch()
    told = machine.run("run").stderr
    words = ("package qemu-system-x86", "bookworm-backports", "pvtest-backports", "Reading the package lists")
    places = [told.index(word) for word in words]
    assert places == sorted(places)


def test_unknown_set(machine: Machine) -> None:
    assert machine.run("everything").returncode == 3


def test_plain_package_is_installed_and_named(machine: Machine) -> None:
    machine.without("usr/include/efi/efi.h")
    done = machine.run("run")
    assert done.returncode == 0, done.stderr
    assert "installed gnu-efi" in done.stderr and "All is there" in done.stderr
    assert "install gnu-efi\n" in machine.calls and "qemu" not in machine.calls


def test_debian_13_takes_its_own_qemu(machine: Machine) -> None:
    machine.release("debian", "trixie", "13")
    machine.candidate("1:10.0.13+ds-0+deb13u1")
    machine.without("qemu-system-x86_64")
    done = machine.run("run")
    assert done.returncode == 0, done.stderr
    assert "install qemu-system-x86\n" in machine.calls and "-t " not in machine.calls


def old_machine(machine: Machine) -> None:
    machine.release("ubuntu", "noble", "24.04")
    machine.candidate("1:8.2.2+ds-0ubuntu1")


def test_where_there_is_only_an_old_qemu_it_is_taken(machine: Machine) -> None:
    old_machine(machine)
    machine.without("qemu-system-x86_64")
    done = machine.run("run")
    assert done.returncode == 0, done.stderr
    assert "offer no QEMU 10 (newest: 1:8.2.2+ds-0ubuntu1); taking that one" in done.stderr
    assert "QEMU 8 has no first-stage VT-d" in done.stderr
    assert "install qemu-system-x86\n" in machine.calls
    calls = machine.calls
    assert (machine.run("run").stderr, machine.calls) == ("", calls)  # no question is asked again


def test_an_old_qemu_that_emulates_no_svm_does_not_do(machine: Machine) -> None:
    old_machine(machine)
    machine.without("qemu-system-x86_64")
    (machine.state / "flags").write_text("")
    done = machine.run("run")
    assert done.returncode == 4 and "an older one that emulates SVM" in done.stderr


def test_where_there_is_no_qemu_at_all_it_gives_up(machine: Machine) -> None:
    old_machine(machine)
    machine.candidate("(none)")
    machine.without("qemu-system-x86_64")
    done = machine.run("run")
    assert done.returncode == 4 and "offer no QEMU 10" in done.stderr


OLD_QEMU = "case $1 in --version) echo 'QEMU emulator version 7.2.19' ;; -cpu) echo 'nx npt svm' ;; esac"


def test_without_root_an_old_qemu_will_do(machine: Machine) -> None:
    machine.program("qemu-system-x86_64", OLD_QEMU)
    done = machine.run("run", uid=1000)
    assert (done.returncode, done.stderr, machine.calls) == (0, "", "")


def test_an_old_qemu_is_replaced_where_a_newer_one_can_be_had(machine: Machine) -> None:
    machine.program("qemu-system-x86_64", OLD_QEMU)
    machine.source("mine.list", "deb http://m/debian bookworm-backports main\n", "")
    done = machine.run("run")
    assert done.returncode == 0, done.stderr
    assert "here is 7, which has no first-stage VT-d" in done.stderr
    assert "install -t bookworm-backports qemu-system-x86" in machine.calls
    calls = machine.calls
    assert (machine.run("run").stderr, machine.calls) == ("", calls)


@pytest.mark.parametrize("failing", ["no-backports", "install-fails"])
def test_an_old_qemu_stays_where_no_newer_one_can_be_had(machine: Machine, failing: str) -> None:
    machine.program("qemu-system-x86_64", OLD_QEMU)
    (machine.state / failing).touch()
    machine.source("a.list", "deb http://m/debian bookworm main\n", "@:1|bookworm|main|bookworm|Debian\n")
    done = machine.run("run")
    assert done.returncode == 0, done.stderr
    assert "staying with QEMU 7." in done.stderr
    note = machine.root / "var/cache/pvtest/no-newer-qemu"
    assert str(note) in done.stderr
    calls = machine.calls
    assert (machine.run("run").stderr, machine.calls) == ("", calls)
    note.unlink()
    machine.run("run")
    assert machine.calls != calls


def test_backports_that_are_there_are_used(machine: Machine) -> None:
    machine.without("qemu-system-x86_64")
    machine.source("mine.list", "deb http://m/debian bookworm-backports main\n", "")
    done = machine.run("run")
    assert done.returncode == 0, done.stderr
    assert "install -t bookworm-backports qemu-system-x86" in machine.calls
    assert "indextargets" not in machine.calls


def test_backports_from_a_deb822_entry(machine: Machine) -> None:
    machine.without("qemu-system-x86_64")
    targets = "@:3|bookworm-security|main|bookworm-security|Debian\n@:2|bookworm-updates|main|bookworm-updates|Debian\n"
    targets += "@:2|bookworm|contrib|bookworm|Debian\n@:2|bookworm|main|bookworm|Debian\n"
    machine.source("debian.sources", DEB822, targets)
    done = machine.run("run")
    assert done.returncode == 0, done.stderr
    assert machine.added("pvtest-backports.sources").splitlines() == [
        "URIs: http://proxy.example:3142/debian",
        "Trusted: yes",
        "Signed-By:",
        " -----BEGIN PGP PUBLIC KEY BLOCK-----",
        " .",
        " mQINBGPL0BUBEADmW5NdOOHwPIJlgPu6JDcKw",
        " -----END PGP PUBLIC KEY BLOCK-----",
        "Types: deb",
        "Suites: bookworm-backports",
        "Components: main",
    ]


@pytest.mark.parametrize(
    ("line", "derived"),
    [
        ("deb http://m/debian bookworm main contrib # c", "deb http://m/debian SUITE main"),
        ("deb http://user:pw@proxy:3142/m/debian stable main", "deb http://user:pw@proxy:3142/m/debian SUITE main"),
        (
            "deb [ arch=amd64 signed-by=/usr/a.gpg b=c ]  mirror+file:/etc/apt/mirrors/debian.list bookworm main",
            "deb [ arch=amd64 signed-by=/usr/a.gpg b=c ] mirror+file:/etc/apt/mirrors/debian.list SUITE main",
        ),
        ("deb [trusted=yes] file:/srv/debian bookworm main", "deb [trusted=yes] file:/srv/debian SUITE main"),
    ],
)
def test_backports_from_a_line(machine: Machine, line: str, derived: str) -> None:
    machine.without("qemu-system-x86_64")
    suite = line.split()[-2] if "stable" in line else "bookworm"
    machine.source("sources.list", f"# first\n\n{line}\n", f"@:3|{suite}|main|bookworm|Debian\n")
    done = machine.run("run")
    assert done.returncode == 0, done.stderr
    assert machine.added("pvtest-backports.list").strip() == derived.replace("SUITE", "bookworm-backports")


def test_a_foreign_archive_of_the_same_name_comes_last(machine: Machine) -> None:
    machine.without("qemu-system-x86_64")
    text = "deb http://foreign/x bookworm main\ndeb http://m/debian bookworm main\n"
    machine.source("a.list", text, "@:1|bookworm|main|bookworm|Foreign\n@:2|bookworm|main|bookworm|Debian\n")
    assert machine.run("run").returncode == 0
    assert "http://m/debian bookworm-backports" in machine.added("pvtest-backports.list")


def test_backports_without_qemu_are_taken_back(machine: Machine) -> None:
    machine.without("qemu-system-x86_64")
    (machine.state / "no-backports").touch()
    machine.source("a.list", "deb http://m/debian bookworm main\n", "@:1|bookworm|main|bookworm|Debian\n")
    done = machine.run("run")
    assert done.returncode == 0 and "removing it again" in done.stderr
    assert "install qemu-system-x86\n" in machine.calls
    assert not (machine.root / "etc/apt/sources.list.d/pvtest-backports.list").exists()


def test_failing_update_is_shown_and_what_can_be_had_is_installed(machine: Machine) -> None:
    machine.without("usr/include/efi/efi.h")
    (machine.state / "update-fails").touch()
    done = machine.run("run")
    assert done.returncode == 0
    assert "mirror does not answer" in done.stderr and "apt-get update failed" in done.stderr


def test_failing_install_ends_with_4(machine: Machine) -> None:
    machine.without("usr/include/efi/efi.h")
    (machine.state / "update-fails").touch()
    (machine.state / "install-fails").touch()
    done = machine.run("run")
    assert done.returncode == 4
    assert "Unable to locate package" in done.stderr and "gnu-efi" in done.stderr


def test_no_host_name_in_the_scripts() -> None:
    for name in ("setup.sh", "setup-apt.sh"):
        text = (ROOT / "tools" / name).read_text()
        assert "http:" not in text and "https:" not in text and "debian.org" not in text


def test_disks_need_tools_of_their_own(machine: Machine) -> None:
    machine.without("mcopy", "qemu-img", "sfdisk")
    assert machine.run("run").returncode == 0
    done = machine.run("image", uid=1000)
    assert done.returncode == 4
    for package in ("mtools", "qemu-utils", "fdisk"):
        assert f"(package {package}), to write boot disks" in done.stderr
    (machine.root / "usr/sbin").mkdir(exist_ok=True)
    (machine.root / "usr/sbin/sfdisk").touch()
    assert "fdisk)" not in machine.run("image", uid=1000).stderr, "it is found where users have no PATH to"
