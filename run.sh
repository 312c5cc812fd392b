#!/bin/bash
# SPDX-License-Identifier: MIT
# Sets up what is missing, builds, and runs the suite. ./run.sh --help shows what is possible.
set -u
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 2

# The distribution's Python is the one that has the distribution's packages; another may come first on PATH.
python=/usr/bin/python3
[ -x "$python" ] || python=$(command -v python3)

run() {
    PYTHONPATH="$root/tools" exec "$python" -m pvtest "$@"
}

for argument in "$@"; do
    if [ -n "$python" ] && { [ "$argument" = --help ] || [ "$argument" = -h ]; }; then
        run "$@"
    fi
done

# These read results and need no image.
case ${1:-} in
compare | merge | baseline) [ -z "$python" ] || run "$@" ;;
esac

needs=run
[ "${1:-}" != image ] || needs=image
"$root/tools/setup.sh" "$needs" || exit $?
python=${python:-/usr/bin/python3}
# Standard output belongs to the result.
if ! make --no-print-directory -C "$root" -j "$(nproc)" PYTHON="$python" image >&2; then
    echo "run.sh: the build failed" >&2
    exit 2
fi
run "$@"
