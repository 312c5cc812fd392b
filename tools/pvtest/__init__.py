# SPDX-License-Identifier: MIT
"""Runner of the pvIOMMU conformance suite: boots the images, reads the verdicts, writes reports."""
