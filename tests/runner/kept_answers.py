# SPDX-License-Identifier: MIT
"""A QEMU on PATH that answers questions, such as for its version and devices, once for all tests.

The runner asks five of them before each boot, and each is a start of QEMU. Any other command line is the real one's.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from pvtest.machine import qemu

SCRIPT = """\
#!/bin/sh
case "$#:$*" in
1:--version | 2:*help)
    kept="FOLDER/answer $*"
    [ -e "$kept" ] || { "REAL" "$@" >"$kept.$$" && PATH=/usr/bin:/bin mv "$kept.$$" "$kept"; } || exit
    PATH=/usr/bin:/bin exec cat "$kept"
    ;;
esac
exec "REAL" "$@"
"""


def begin() -> Path | None:
    """Puts it in front of PATH; gives its folder. None: there is no QEMU, or this is a worker, with the PATH of
    the process that began it."""
    real = shutil.which(qemu.DEFAULT)
    if real is None or "PYTEST_XDIST_WORKER" in os.environ:
        return None
    folder = Path(tempfile.mkdtemp(prefix="runner-tests-"))
    script = folder / qemu.DEFAULT
    script.write_text(SCRIPT.replace("REAL", real).replace("FOLDER", str(folder)), encoding="utf-8")
    script.chmod(0o755)
    os.environ["PATH"] = f"{folder}:{os.environ['PATH']}"
    return folder


def end(folder: Path | None) -> None:
    """Removes what begin() has made."""
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
