# SPDX-License-Identifier: MIT
"""From the GLOBs of the command line to the instances and defects they mean."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from pvtest.catalogue import Catalogue, Defect, Instance
from pvtest.errors import UsageError, suggest
from pvtest.requirements import Requirements


def _matches(instance: Instance, glob: str, requirements: Requirements) -> bool:
    test = instance.test
    if any(fnmatchcase(name, glob) for name in (instance.id, test.id, test.group)):
        return True
    upper = glob.upper()
    names = {name for given in test.requirements for name in (given, requirements[given].id)}
    return any(fnmatchcase(name.upper(), upper) for name in names)


def select(catalogue: Catalogue, requirements: Requirements, globs: Iterable[str]) -> list[Instance]:
    """Instances whose id, base id, group or requirement matches one of the globs; all of them without globs."""
    globs = list(globs)
    if not globs:
        return catalogue.instances
    chosen: set[str] = set()
    for glob in globs:
        found = [instance for instance in catalogue.instances if _matches(instance, glob, requirements)]
        if not found:
            names = {test.id for test in catalogue.tests} | {test.group for test in catalogue.tests}
            names |= {instance.id for instance in catalogue.instances} | set(requirements.ids)
            raise UsageError(
                f"no test matches '{glob}' by id, group or requirement.{suggest(glob, names)} "
                "`./run.sh list` shows them all."
            )
        chosen.update(instance.id for instance in found)
    return [instance for instance in catalogue.instances if instance.id in chosen]


def _hint(word: str, names: list[str]) -> str:
    """Close matches, or all names where nothing is close."""
    return suggest(word, names) or f" Known: {', '.join(names) or 'none'}."


def select_defects(defects: tuple[Defect, ...], globs: Iterable[str]) -> list[Defect]:
    """Defects whose name or requirement matches one of the globs; all of them without globs."""
    globs = list(globs)
    if not globs:
        return list(defects)
    chosen: set[str] = set()
    for glob in globs:
        found = {
            defect.name
            for defect in defects
            if fnmatchcase(defect.name, glob) or any(fnmatchcase(r.upper(), glob.upper()) for r in defect.requirements)
        }
        if not found:
            names = [defect.name for defect in defects]
            raise UsageError(f"no defect matches '{glob}'.{_hint(glob, names)}")
        chosen |= found
    return [defect for defect in defects if defect.name in chosen]


def find_defects(defects: tuple[Defect, ...], names: Iterable[str]) -> list[Defect]:
    """The defects with exactly these names (option --defect)."""
    by_name = {defect.name: defect for defect in defects}
    for name in names:
        if name not in by_name:
            raise UsageError(f"unknown defect '{name}'.{_hint(name, list(by_name))}")
    return [by_name[name] for name in dict.fromkeys(names)]
