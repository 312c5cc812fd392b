#!/bin/bash
# SPDX-License-Identifier: MIT
# Installs what is missing, and says what and why. Does nothing when all is there.
#   tools/setup.sh run     what ./run.sh needs (the default)
#   tools/setup.sh image   what ./run.sh image needs
#   tools/setup.sh test    what `make test` needs
# --no-setup before that, or PVTEST_NO_SETUP=1, installs nothing and lists what is missing.
# Exit codes: 0 all is there; 3 usage; 4 something is missing and cannot be installed here.
#
# Everything is looked for where it is used, not in a package database, so that systems without apt work as well.
# PVTEST_SYSROOT goes in front of every absolute path that is looked at or written; for the tests of this script.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 4
root=${PVTEST_SYSROOT:-}
no_setup=${PVTEST_NO_SETUP:-}
if [ "${1:-}" = --no-setup ]; then
    no_setup=1
    shift
fi
set_name=${1:-run}
# The first QEMU whose VT-d walks first-stage tables. On an older one that emulates SVM with nested paging the suite runs
# on the reference host's virtual functions alone: worse, but no reason to stop.
oldest_qemu=10
# shellcheck source=tools/setup-apt.sh
. "$here/setup-apt.sh"

say() { printf 'setup: %s\n' "$*" >&2; }

missing_packages=() # "purpose|what is missing|Debian package"

need() { # purpose, what, package: notes it as missing
    missing_packages+=("$1|$2|$3")
}

need_command() { # purpose, command, package
    command -v "$2" >/dev/null || need "$1" "command $2" "$3"
}

need_disk_tools() {
    need_command disks mcopy mtools
    need_command disks qemu-img qemu-utils
    # It is for administrators, so that the PATH of others does not lead to it; on a file it needs no rights.
    command -v sfdisk >/dev/null || need_file disks "command sfdisk" fdisk /usr/sbin/sfdisk /sbin/sfdisk
}

need_file() { # purpose, what, package, paths...
    local purpose=$1 what=$2 package=$3 path
    shift 3
    for path in "$@"; do
        [ -e "$root$path" ] && return
    done
    need "$purpose" "$what" "$package"
}

oldest_python=3.11
need_python() { # the interpreter, its version or nothing
    local python=$1 version=$2 major minor
    IFS=. read -r major minor <<<"$oldest_python"
    if [[ ! $version =~ ^([0-9]+)\.([0-9]+)$ ]] ||
        [ $((BASH_REMATCH[1] * 1000 + BASH_REMATCH[2])) -lt $((major * 1000 + minor)) ]; then
        need runner "Python $oldest_python or later ($python is ${version:-broken})" python3
    fi
}

need_fuzzer() { # its place has the version of clang in it
    local path
    for path in "$root"/usr/lib*/llvm-*/lib/clang/*/lib/*/libclang_rt.fuzzer*.a "$root"/usr/lib*/clang/*/lib/*/libclang_rt.fuzzer*.a; do
        [ ! -e "$path" ] || return 0
    done
    need fuzzing "libFuzzer of clang" libclang-rt-dev
}

need_modules() { # "purpose|module|package" lines on standard input
    local python=$root/usr/bin/python3 lines version=
    [ -x "$python" ] || python=$(command -v python3)
    lines=$(cat)
    if [ -z "$python" ]; then
        need runner "Python 3" python3
        while IFS='|' read -r purpose module package; do
            need "$purpose" "Python module $module" "$package"
        done <<<"$lines"
        return
    fi
    # One start of Python tells its version, and after that the lines of modules that are not there.
    {
        read -r version
        need_python "$python" "$version"
        while IFS='|' read -r purpose module package; do
            [ -n "$package" ] && need "$purpose" "Python module $module" "$package"
        done
    } < <("$python" -c '
import sys
print("%d.%d" % sys.version_info[:2])
sys.stdout.flush()
import importlib.util
for line in sys.argv[1].splitlines():
    if importlib.util.find_spec(line.split("|")[1]) is None:
        print(line)
' "$lines" 2>/dev/null)
}

qemu_major() { # prints the major version of the QEMU on PATH, or 0
    local version
    version=$(qemu-system-x86_64 --version 2>/dev/null | sed -n 's/.*version \([0-9]*\)\..*/\1/p;q')
    echo "${version:-0}"
}

qemu_emulates_svm() {
    qemu-system-x86_64 -cpu help 2>/dev/null | tr -s '[:space:]' '\n' | grep -x npt >/dev/null
}

look() {
    local major modules
    missing_packages=()
    older= # major version of a QEMU that will do, but is not the best
    need_command build gcc gcc
    need_command build make make
    need_command build ld binutils
    need_file build "C library headers" libc6-dev /usr/include/stdio.h
    need_file build "gnu-efi" gnu-efi /usr/include/efi/efi.h
    need_file run "OVMF firmware" ovmf /usr/share/OVMF/OVMF_CODE.fd /usr/share/OVMF/OVMF_CODE_4M.fd \
        /usr/share/edk2/ovmf/OVMF_CODE.fd /usr/share/edk2/x64/OVMF_CODE.4m.fd /usr/share/edk2/x64/OVMF_CODE.fd \
        /usr/share/edk2-ovmf/x64/OVMF_CODE.fd /usr/share/qemu/edk2-x86_64-code.fd
    major=$(qemu_major)
    if [ "$major" -lt "$oldest_qemu" ]; then
        if [ "$major" -gt 0 ] && qemu_emulates_svm; then
            older=$major
        else
            need run "QEMU $oldest_qemu or later (found: $major), or an older one that emulates SVM" qemu-system-x86
        fi
    fi
    modules='runner|rich|python3-rich
runner|jinja2|python3-jinja2
runner|jsonschema|python3-jsonschema
build|elftools|python3-pyelftools
runner|junitparser|python3-junitparser'
    [ "$set_name" = run ] || need_disk_tools
    if [ "$set_name" = test ]; then
        need_command signing sbsign sbsigntool
        need_file "unit tests" "cmocka" libcmocka-dev /usr/include/cmocka.h
        modules+='
runner tests|tap|python3-tap
runner tests|yaml|python3-yaml
runner tests|pytest|python3-pytest
runner tests|xdist|python3-pytest-xdist
runner tests|hypothesis|python3-hypothesis'
        need_file "runner tests" "command fsck.fat" dosfstools /usr/sbin/fsck.fat /sbin/fsck.fat
        need_command compilers clang clang
        need_fuzzer
        need_command lint clang-format clang-format
        need_command lint clang-tidy clang-tidy
        need_command lint cppcheck cppcheck
        need_command lint shellcheck shellcheck
        need_command lint flake8 flake8
        need_command lint mypy mypy
    fi
    need_modules <<<"$modules"
}

packages_of() { # prints the missing packages, each once; argument: a package to leave out
    printf '%s\n' "${missing_packages[@]}" | cut -d'|' -f3 | grep -vx -- "$1" | sort -u
}

list_missing() {
    local entry purpose what package
    for entry in "${missing_packages[@]}"; do
        IFS='|' read -r purpose what package <<<"$entry"
        say "  $what (package $package), to $(why "$purpose")"
    done
}

why() {
    case $1 in
    build) echo "build the images" ;;
    run) echo "boot them" ;;
    runner) echo "run and report" ;;
    disks) echo "write boot disks" ;;
    "unit tests") echo "test the C libraries" ;;
    "runner tests") echo "test the runner" ;;
    fuzzing) echo "fuzz what takes input of a guest" ;;
    compilers) echo "build the images with another compiler, too" ;;
    lint) echo "check the source" ;;
    esac
}

give_up() {
    say "$1"
    say "Missing:"
    list_missing
    exit 4
}

may_install() {
    command -v apt-get >/dev/null && [ "$(id -u)" -eq 0 ]
}

main() {
    case $set_name in
    run | image | test) ;;
    *)
        say "unknown set '$set_name'; known: run, image, test"
        exit 3
        ;;
    esac
    look
    if [ ${#missing_packages[@]} -eq 0 ]; then
        if [ -z "$no_setup" ] && [ -n "$older" ] && may_install && newer_qemu_unknown; then
            say "Looking for QEMU $oldest_qemu or later; here is $older, which has no first-stage VT-d."
            announce_source
            apt_update
            apt_newer_qemu
        fi
        exit 0
    fi
    [ -z "$no_setup" ] || give_up "something is missing, and nothing is installed with --no-setup."
    command -v apt-get >/dev/null || give_up "no apt-get here, so please install by hand what is missing."
    if [ "$(id -u)" -ne 0 ]; then
        give_up "installing needs root. Run once: sudo tools/setup.sh $set_name"
    fi
    say "Installing with apt-get what is missing:"
    list_missing
    announce_source
    apt_install
    look
    [ ${#missing_packages[@]} -eq 0 ] || give_up "apt-get was content, but not everything is there."
    say "All is there."
    [ -z "$older" ] || say "QEMU $older has no first-stage VT-d: runs will be on the host's virtual functions alone."
}

main
