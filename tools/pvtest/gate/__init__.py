# SPDX-License-Identifier: MIT
"""Inputs that decide beside the tests: profiles, baselines, and the comparison of two runs."""
