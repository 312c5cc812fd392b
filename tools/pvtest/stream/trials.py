# SPDX-License-Identifier: MIT
"""The results of a campaign: the trials of a suite against hosts with one defect or one variant each."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from pvtest.counted import counted
from pvtest.errors import EXIT_ERROR, EXIT_FAIL, EXIT_OK

# By the kind of campaign: the verdict that is wanted, and the opposite. Any other is an error.
GOOD = {"defects": "caught", "variants": "pass"}
BAD = {"defects": "missed", "variants": "fail"}


@dataclass(frozen=True)
class Trials:
    """The entries of defects.json or variants.json."""

    kind: str  # defects or variants
    entries: tuple[dict[str, Any], ...]

    @property
    def word(self) -> str:
        """One of them."""
        return self.kind.removesuffix("s")

    @property
    def good(self) -> str:
        """The verdict that is wanted."""
        return GOOD[self.kind]

    @property
    def wrong(self) -> list[dict[str, Any]]:
        """The entries with another verdict than the wanted one."""
        return [entry for entry in self.entries if entry["verdict"] != self.good]

    @property
    def summary(self) -> dict[str, int]:
        """How many there are, and how many of each verdict."""
        counts = Counter(entry["verdict"] for entry in self.entries)
        return {self.kind: len(self.entries), **{name: counts[name] for name in (self.good, BAD[self.kind], "error")}}

    @property
    def single_tests(self) -> dict[str, str]:
        """The defects that one test alone catches, on whichever classes of devices, with the test: if it were lost,
        so were they. Empty where some tests did not run."""
        if self.kind != "defects" or any(entry.get("not_run") for entry in self.entries):
            return {}
        tests = {
            entry["defect"]: {name.partition("@")[0] for name in entry.get("failing", ())} for entry in self.entries
        }
        return {name: next(iter(own)) for name, own in tests.items() if len(own) == 1}

    @property
    def single_tests_told(self) -> str:
        """The same in a sentence; empty: there are none."""
        found = self.single_tests
        names = ", ".join(f"{name} ({test})" for name, test in found.items())
        return f"Caught by a single test: {len(found)} of {len(self.entries)}: {names}" if found else ""

    @property
    def exit_code(self) -> int:
        """Of the trials alone."""
        if self.summary["error"]:
            return EXIT_ERROR
        return EXIT_FAIL if self.wrong else EXIT_OK

    @property
    def sentence(self) -> str:
        """The summary in words."""
        count = len(self.entries)
        found = ", ".join(f"{number} {name}" for name, number in self.summary.items() if name != self.kind)
        return f"{count} {self.kind if count != 1 else self.word}: {found}"

    def name(self, entry: dict[str, Any]) -> str:
        """Of the defect or variant."""
        return str(entry[self.word])

    def why(self, entry: dict[str, Any]) -> str:
        """A sentence for an entry of `wrong`; it has no line break."""
        title = f"{self.word} '{self.name(entry)}' ({entry['title']})"
        if entry["verdict"] == "error":
            errors = [*entry["problems"], *(f"error in {name}" for name in entry["errors"])]
            return f"{title}: {errors[0] if errors else 'ended with an error'}"
        if self.kind == "defects":
            return f"no test fails under the {title}"
        names = entry["failing"]
        shown = ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")
        return f"{counted(len(names), 'test')} fail{'s' if len(names) == 1 else ''} under the {title}: {shown}"

    def again(self, entry: dict[str, Any], seed: int) -> str:
        """The command that shows this trial again."""
        return f"./run.sh --{self.word} {self.name(entry)} --seed {seed}"
