# SPDX-License-Identifier: MIT
"""From the words of the command line to the tests of a run, in their order."""
