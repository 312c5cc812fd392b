# SPDX-License-Identifier: MIT
"""Starts the runner beside this file, in a folder of any name: PYTHONPATH would end it at a colon.

Older versions of Python read this file, too, so that they can be refused with a sentence.
"""

import os
import sys

OLDEST = (3, 11)
MISSING = 4  # the exit code for something that is not installed

if sys.version_info < OLDEST:
    sys.stderr.write(
        "run.sh: %s is Python %d.%d; %d.%d or newer is needed\n" % ((sys.executable,) + sys.version_info[:2] + OLDEST)
    )
    sys.exit(MISSING)

TOOLS = os.path.dirname(os.path.abspath(__file__))
VENDOR = os.path.join(os.path.dirname(TOOLS), "vendor")  # of a bundle
sys.path[:0] = [TOOLS] + ([VENDOR] if os.path.isdir(VENDOR) else [])

from pvtest import interrupts  # noqa: E402  # after the path is set

interrupts.before_import()

from pvtest.cli.main import entry  # noqa: E402

sys.exit(entry())
