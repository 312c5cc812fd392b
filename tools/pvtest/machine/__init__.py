# SPDX-License-Identifier: MIT
"""QEMU: what it can do, how it is started and watched, and a run of one or more boots."""
