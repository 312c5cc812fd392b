# SPDX-License-Identifier: MIT
"""`python3 -m pvtest`; run.sh is the usual way in."""

import sys

from pvtest.cli.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
