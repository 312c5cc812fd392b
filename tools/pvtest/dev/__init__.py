# SPDX-License-Identifier: MIT
"""For the source tree alone: make test, generated documents, the bundle. No bundle has this folder."""
