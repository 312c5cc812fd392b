# SPDX-License-Identifier: MIT
"""The program that fake_qemu.sh becomes for a machine. The module is compiled once, unlike this file."""

import sys

import fake_guest

sys.exit(fake_guest.main())
