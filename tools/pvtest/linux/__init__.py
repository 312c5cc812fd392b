# SPDX-License-Identifier: MIT
"""Linux as a guest of the reference host."""
