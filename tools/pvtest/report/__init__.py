# SPDX-License-Identifier: MIT
"""The result model as files and as text for a person, and back from results.json."""
