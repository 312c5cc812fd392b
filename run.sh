#!/bin/bash
# SPDX-License-Identifier: MIT
# Sets up what is missing, builds, and runs the suite. ./run.sh --help shows what is possible.
set -u

# A standard stream that the caller closed: the next file that something opens would take its place. Output that cannot be
# written is an error at the end, as always.
{ true 3<&0; } 2>/dev/null || exec 0</dev/null
{ true 3>&1; } 2>/dev/null || exec 1</dev/null
true 3>&2 || exec 2>/dev/null

root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 2

# The distribution's Python is the one that has the distribution's packages; another may come first on PATH.
python=/usr/bin/python3
[ -x "$python" ] || python=$(command -v python3)

run() {
    exec "$python" "$root/tools/start.py" "$@"
}

words=()
no_setup=()
help=
for word in "$@"; do
    case $word in
    --no-setup)
        no_setup=(--no-setup)
        export PVTEST_NO_SETUP=1 # what fetches packages later looks there
        ;;
    *)
        words+=("$word")
        [ "$word" != --help ] && [ "$word" != -h ] || help=1
        ;;
    esac
done
set -- ${words[@]+"${words[@]}"}
case ${1:-} in
help | --version) help=1 ;;
esac
if [ -n "$help" ]; then
    # A question must not begin to install.
    [ -n "$python" ] || {
        echo "run.sh: $* needs Python 3.11 or newer; ./run.sh --no-setup lists all that is missing, README.md has the commands" >&2
        exit 4
    }
    run "$@"
fi

# These read results, and need no image.
case ${1:-} in
compare | merge | baseline | transcript) [ -z "$python" ] || run "$@" ;;
bench)
    case " $* " in
    *" --compare "*) [ -z "$python" ] || run "$@" ;;
    esac
    ;;
esac

# A wrong command line must not cost a set-up and a build. If Python cannot tell, the set-up says why.
if [ -n "$python" ]; then
    complaint=$("$python" "$root/tools/start.py" --check-usage "$@" 2>&1)
    if [ $? -eq 3 ]; then
        printf '%s\n' "$complaint" >&2
        exit 3
    fi
fi

needs=run
[ "${1:-}" != image ] || needs=image
"$root/tools/setup.sh" ${no_setup[@]+"${no_setup[@]}"} "$needs"
code=$?
case $code in
0) ;;
3 | 4) exit $code ;;
*)
    # 1 would put the blame on the host.
    echo "run.sh: the set-up broke off" >&2
    exit 2
    ;;
esac
python=${python:-/usr/bin/python3}

# Two runs in one tree build one after the other; where there is no flock(1), they had better not start at the same time.
build() {
    # Standard output belongs to the result.
    make --no-print-directory -C "$root" -j "$(nproc)" PYTHON="$python" image >&2
}

build_alone() (
    # Both complain by themselves, but do not say what to do.
    { mkdir -p "$root/build" && exec 9>"$root/build/lock"; } 2>/dev/null || {
        echo "run.sh: $root/build cannot be written: the tree belongs to another user, or is read-only; copy it" >&2
        exit 1
    }
    if ! flock -n 9; then
        echo "run.sh: another run builds in this tree; waiting for it" >&2
        flock 9 || exit 1
    fi
    build 9>&-
)

if command -v flock >/dev/null; then build_alone; else build; fi || {
    echo "run.sh: the build failed" >&2
    exit 2
}
run "$@"
