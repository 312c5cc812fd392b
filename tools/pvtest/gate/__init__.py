# SPDX-License-Identifier: MIT
"""What decides beside the tests: profiles, baselines, and the comparison of two runs."""
