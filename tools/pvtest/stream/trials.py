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
SLOW_SECONDS = 2.0  # for a run that ends at the first failure of a test of the broken requirement


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
    def lines(self) -> str:
        """The entries as lines of fields between tabs, for shell scripts."""
        own = ("own_requirement",) if self.kind == "defects" else ()
        rows = ["\t".join((self.word, "verdict", "failing", *own, "tests"))]
        for entry in self.entries:
            covers = ["yes" if entry[key] else "no" for key in own]
            failing = entry["failing"]
            rows.append("\t".join((self.name(entry), entry["verdict"], str(len(failing)), *covers, " ".join(failing))))
        return "\n".join(rows) + "\n"

    @property
    def slow_told(self) -> str:
        """A sentence with those that took long, the longest first; empty: there are none."""
        found = sorted((e for e in self.entries if e["seconds"] > SLOW_SECONDS), key=lambda e: -float(e["seconds"]))
        names = ", ".join(f"{self.name(entry)} {entry['seconds']:.1f} s" for entry in found)
        return f"Longer than {SLOW_SECONDS:g} s: {names}" if found else ""

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
