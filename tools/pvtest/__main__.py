# SPDX-License-Identifier: MIT
"""`python3 -m pvtest`; run.sh is the usual way in."""

import sys

from pvtest import interrupts

interrupts.before_import()

from pvtest.cli.main import main  # noqa: E402  # it takes a while

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
