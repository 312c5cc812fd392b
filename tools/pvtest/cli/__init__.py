# SPDX-License-Identifier: MIT
"""The command line: one module for each command that an installed runner has."""
