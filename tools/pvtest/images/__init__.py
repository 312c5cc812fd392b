# SPDX-License-Identifier: MIT
"""The two images: what they declare, the options they read, and the volumes they boot from."""
