# SPDX-License-Identifier: MIT
"""From the bytes of a serial port to the result model."""
