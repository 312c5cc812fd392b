#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs the suite from a bundle, which needs Python 3.11 and QEMU and nothing else. ./run.sh --help shows what is possible.
# PVTEST_PYTHON names another Python.
root=$(cd "$(dirname "$0")" && pwd) || exit 2
python=${PVTEST_PYTHON:-python3}
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "run.sh: $python is not Python 3.11 or newer; PVTEST_PYTHON=PATH names another one" >&2
    exit 4
fi
# -P and -s: nothing but the bundle and Python's own library, whatever lies in this folder or in the user's home.
unset PYTHONPATH
exec "$python" -P -s "$root/tools/start.py" "$@"
