#!/bin/bash
# SPDX-License-Identifier: MIT
# Builds both images with gcc and clang of other releases of Debian, and runs the catalogue on them with the QEMU of this machine.
#   tools/test-distributions.sh [SUITE...]      bookworm, trixie and sid without arguments; as root
# A suite is installed with debootstrap under build/distributions, from the mirror that this machine's apt uses, and stays there for the
# next time. One that the mirror does not have is left out. Exit codes: 0 all that could be tried passed; 1 one did not; 4 none could be.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 4
folder=$PWD/build/distributions
suites=("$@")
[ $# -gt 0 ] || suites=(bookworm trixie sid)
deadline=20000 # of a test, in milliseconds: this judges a build, also on a machine that has other work
packages=gcc,clang,make,binutils,libc6-dev,gnu-efi,python3,python3-rich,python3-jinja2,python3-jsonschema,python3-pyelftools,python3-junitparser

say() { printf 'distributions: %s\n' "$*"; }

[ "$(id -u)" -eq 0 ] || { say "debootstrap needs root"; exit 4; }
command -v debootstrap >/dev/null || { say "debootstrap is not installed (Debian: package debootstrap)"; exit 4; }

mirror() { # prints the URI of the main archive of Debian that apt uses
    # shellcheck disable=SC2016  # apt-get expands them
    apt-get indextargets --format '$(COMPONENT)|$(ORIGIN)|$(RELEASE)|$(CODENAME)|$(REPO_URI)' 'Created-By: Packages' |
        awk -F'|' '$1 == "main" && $2 == "Debian" && ($3 == $4 || $3 ~ /^(stable|oldstable|testing|unstable)$/) { print $5; exit }'
}

installed() { # arguments: suite, root of it
    [ ! -e "$2/.complete" ] || return 0
    local proxy=
    eval "$(apt-config shell proxy Acquire::http::Proxy)"
    rm -rf --one-file-system "$2"
    say "Installing $1 from the mirror of this machine"
    ${proxy:+env "http_proxy=$proxy"} debootstrap --variant=minbase --include="$packages" "$1" "$2" "$uri" \
        >"$folder/$1.log" 2>&1 </dev/null && touch "$2/.complete"
}

tried=() # "suite compiler: outcome"
bad=0
try() { # arguments: suite, root of it, compiler
    local version outcome=passed log=$folder/$1-$3.log
    version=$(chroot "$2" "$3" --version 2>/dev/null | head -n 1)
    say "$1, $version"
    if ! chroot "$2" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
        make -C /pvtest --no-print-directory -j "$(nproc)" "CC=$3" "BUILD=build/$3" image >"$log" 2>&1 </dev/null; then
        tail -n 20 "$log"
        outcome="the build FAILED"
    elif ! PVTEST_BUILD=$2/pvtest/build/$3 /usr/bin/python3 tools/start.py run --plain --quiet \
        --deadline "$deadline" --results "$folder/results-$1-$3" >"$log" 2>&1 </dev/null; then
        tail -n 20 "$log"
        outcome="the catalogue FAILED"
    fi
    [ "$outcome" = passed ] || bad=1
    tried+=("$1, $version: $outcome")
}

uri=$(mirror)
[ -n "$uri" ] || { say "apt has no source with a main archive of Debian"; exit 4; }
mkdir -p "$folder" || exit 4
for suite in "${suites[@]}"; do
    root=$folder/$suite
    if ! installed "$suite" "$root"; then
        tail -n 2 "$folder/$suite.log"
        say "$suite cannot be installed here; left out"
        continue
    fi
    rm -rf --one-file-system "$root/pvtest"
    mkdir "$root/pvtest" && tar --exclude=./build --exclude=./.git -cf - . | tar -xf - -C "$root/pvtest" || exit 4
    for compiler in gcc clang; do
        try "$suite" "$root" "$compiler"
    done
done
[ ${#tried[@]} -gt 0 ] || exit 4
printf '  %s\n' "${tried[@]}"
exit "$bad"
