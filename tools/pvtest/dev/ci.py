# SPDX-License-Identifier: MIT
"""`make test`: every check there is, two at a time. The last line counts tests of all kinds.

`python3 -m pvtest.dev.ci [STEP...]` runs some of them. Each step is a process of its own: its output is shown when it
has ended, and the time of the processor that it took is known (docs/architecture.md tells why it is done so).
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

from pvtest import paths, programs
from pvtest.errors import EXIT_FAIL, EXIT_OK, EXIT_USAGE
from pvtest.gate import levels, unit_faults
from pvtest.machine import qemu

IMAGES = ("pvtest.efi", "refhost.efi")
# It ends what hangs, and nothing else: a step takes several times as long on a slow machine as on a quick one, and
# each boot in it has a limit of its own.
STEP_SECONDS = 4500
CLANG_BUILD = "build/clang"  # from the top of the tree
CORES = os.cpu_count() or 1
LANES = 2  # steps at a time: most of what a step does with more than one core ends in waiting for one of them
JOBS_VARIABLE = "PVTEST_STEP_JOBS"
JOBS = int(os.environ.get(JOBS_VARIABLE) or CORES)  # of this step
WORKER = (sys.executable, "-m", "pvtest.dev.ci", "--alone")  # the name of the step and of a file for its report follow


@dataclass
class Counts:
    """Tests of any kind."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def add(self, other: Counts) -> None:
        """Sums up."""
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


@dataclass
class Report:
    """The result of a step."""

    ok: bool
    counts: Counts = field(default_factory=Counts)


def _call(
    *command: str, log: Path | None = None, cwd: Path = paths.ROOT, environment: dict[str, str] | None = None
) -> int:
    """Runs one program; its output goes to the terminal, and to a log where one is given."""
    sys.stdout.flush()
    try:
        if log is None:
            return subprocess.run(
                command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, timeout=STEP_SECONDS, check=False
            ).returncode
        with log.open("w", encoding="utf-8") as file, subprocess.Popen(
            command,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                sys.stdout.write(line)
                file.write(line)
            return process.wait(STEP_SECONDS)
    except subprocess.TimeoutExpired:
        print(f"{command[0]}: stopped after {STEP_SECONDS} s")
        return EXIT_FAIL


def _make(target: str, *more: str) -> int:
    return _call("make", "--no-print-directory", f"-j{JOBS}", f"PYTHON={sys.executable}", target, *more)


# Sizes of images are compared with their limits for one compiler; others make larger ones.
SIZED_GCC = "12"


def _limits() -> str:
    _, version = programs.call("gcc", ["gcc", "-dumpversion"], 20)
    enforced = version.strip().partition(".")[0] == SIZED_GCC
    return f"LIMITS={'enforce' if enforced else 'warn'}"


def build() -> Report:
    """Builds both images; with Debian 12's gcc they must be smaller than their limits."""
    return Report(_make("image", _limits()) == 0)


def reproducible() -> Report:
    """A second build, elsewhere and from nothing, must give the same bytes; it runs there, in a folder of any name."""
    with tempfile.TemporaryDirectory(prefix="pvtest-again-") as temporary:
        again = Path(temporary) / "it's a \"longer\" name: $HOME, ünï"
        ignore = shutil.ignore_patterns(paths.BUILD.name, ".git", "__pycache__", ".*_cache", ".hypothesis")
        shutil.copytree(paths.ROOT, again, ignore=ignore)
        command = ("make", "--no-print-directory", "--silent", f"-j{JOBS}", f"PYTHON={sys.executable}", "image")
        if _call(*command, cwd=again) != 0:
            return Report(False)
        command = (sys.executable, "tools/start.py", "run", "discovery", "--plain", "--quiet")
        if _call(*command, cwd=again, environment=dict(os.environ, PYTHONPATH="")) != 0:
            return Report(False)
        differing = [
            name for name in IMAGES if (again / "build" / name).read_bytes() != (paths.BUILD / name).read_bytes()
        ]
    for name in differing:
        print(f"{name}: the two builds differ")
    return Report(not differing, Counts(len(IMAGES) - len(differing), len(differing)))


# Another generation formats and warns otherwise, so that what is clean here is not clean there. Debian 12 has this one.
CLANG_FORMAT = 14


def lint() -> Report:
    """Formatting and static checks of C, shell and Python, by the tools that the sources are kept clean for."""
    _, version = programs.call("clang-format", ["clang-format", "--version"], 20)
    if f"version {CLANG_FORMAT}." not in version:
        print(f"left out: the sources are kept clean for clang-format {CLANG_FORMAT} and other linters of Debian 12")
        print(f"Here is {version.strip()}. `make lint` runs them all the same.")
        return Report(True, Counts(skipped=1))
    return Report(_make("lint") == 0)


def unit() -> Report:
    """C libraries on the build machine, with sanitizers."""
    log = paths.BUILD / "unit.log"
    ok = _make_logged("unit", log)
    found = re.search(r"^unit: (\d+) passed, (\d+) failed", log.read_text(encoding="utf-8"), re.MULTILINE)
    if not found:
        print("the unit tests did not come to their end")
        return Report(False)
    counts = Counts(int(found[1]), int(found[2]))
    return Report(ok and counts.passed > 0 and counts.failed == 0, counts)


# Seconds for what has states, of which simpler parsers get a part (tests/fuzz/fuzz.mk). The soak: FUZZ_SECONDS=600.
REFERENCE_MACHINE = paths.ROOT / "tools" / "machines" / "reference.toml"
FUZZ_SECONDS = os.environ.get("FUZZ_SECONDS", "10")


def fuzz() -> Report:
    """Input of a guest by chance, for each parser of the host, with clang and its sanitizers."""
    if shutil.which("clang") is None:
        print("left out: libFuzzer needs clang")
        return Report(True, Counts(skipped=1))
    log = paths.BUILD / "fuzz.log"
    ok = _make_logged("fuzz", log, f"FUZZ_SECONDS={FUZZ_SECONDS}")
    ran = len(re.findall(r"^  FUZZ  fuzz_\w+: [1-9]\d* inputs", log.read_text(encoding="utf-8"), re.MULTILINE))
    return Report(ok and ran > 0, Counts(ran, 0 if ok else 1))


def _make_logged(target: str, log: Path, *more: str) -> bool:
    return _call("make", "--no-print-directory", f"-j{JOBS}", f"PYTHON={sys.executable}", target, *more, log=log) == 0


def runner() -> Report:
    """The runner and the set-up, with broken guests."""
    xml = paths.BUILD / "pytest.xml"
    xml.unlink(missing_ok=True)
    # One file is one worker's: tests of a file share the boots of a machine.
    several = JOBS > 1 and importlib.util.find_spec("xdist")
    workers = ("-n", str(JOBS), "--dist", "loadfile") if several else ()
    code = _call(sys.executable, "-m", "pytest", "-q", *workers, f"--junit-xml={xml}", "tests/runner")
    if not xml.exists():
        return Report(False)
    suite = ElementTree.parse(xml).getroot().find("testsuite")
    if suite is None:
        return Report(False)
    number = {key: int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")}
    failed = number["failures"] + number["errors"]
    counts = Counts(number["tests"] - failed - number["skipped"], failed, number["skipped"])
    return Report(code == 0 and counts.passed > 0, counts)


def _pvtest(
    step: str,
    *arguments: str,
    file: str = "results.json",
    good: str = "pass",
    bad: tuple[str, ...] = ("fail", "error"),
    build: str | None = None,
) -> Report:
    """A command of the runner with a folder of results for this step; `file` there has the summary."""
    folder = paths.BUILD / f"results-{step}"
    command = (sys.executable, "-m", "pvtest", *arguments, "--plain", "--results", str(folder))
    code = _call(*command, environment={**os.environ, "PVTEST_BUILD": build} if build else None)
    return Report(code == 0, _read_counts(folder / "latest" / file, (good,), bad, "skip"))


def catalogue() -> Report:
    """The whole catalogue, also tests that take seconds, with each device on a virtual PCI bus, as on Hyper-V; with the
    least words, and without those tests with the most, and a part at the levels between: the verdicts are the same.
    A device class that is missing, or a requirement whose tests are all skipped, fails."""
    profile = () if qemu.probe(None).devices.alone else ("--profile", str(REFERENCE_MACHINE))
    report = _pvtest("test", "run", "--tier", "stress", *profile, *levels.LEVELS[levels.LEAST])
    compared, wrong = levels.run(paths.BUILD / "results-verbosity", paths.BUILD / "results-test")
    for problem in wrong:
        print(problem)
    report.counts.add(Counts(max(0, compared - len(wrong)), len(wrong)))
    return Report(report.ok and not wrong and compared > 0, report.counts)


def gen2() -> Report:
    """The whole catalogue on a machine without the devices of a PC, like a generation 2 VM."""
    return _pvtest("gen2", "run", "--machine", "gen2", "--quiet")


def _unit_alone(name: str) -> Report:
    report = _pvtest(name, "run", "--iommu", name, "--quiet")
    if report.ok:  # what fails is known of this QEMU (tools/baselines)
        report.counts.skipped += report.counts.failed
        report.counts.failed = 0
    return report


def virtio_iommu() -> Report:
    """The tests that are not of the hypercall ABI on QEMU's virtio-iommu, without the reference host."""
    return _unit_alone("virtio-iommu")


def vtd() -> Report:
    """The same on a VT-d unit that the image drives itself."""
    return _unit_alone("vtd")


def linux() -> Report:
    """An unmodified Linux is a guest of the reference host. The packages with it are Debian's."""
    return _pvtest("linux", "linux", file="linux.json")


def linux_gen2() -> Report:
    """The same Linux on a machine without the devices of a PC."""
    return _pvtest("linux-gen2", "linux", "--machine", "gen2", file="linux.json")


def unit_fault_step() -> Report:
    """Steps that the image leaves out on these two units: each is seen by a test of its requirement."""
    trials = unit_faults.run_all(paths.BUILD / "results-unit-faults", unit_faults.EVERY, JOBS)
    seen = sum(bool(trial.seen) for trial in trials)
    return Report(seen == len(trials) > 0, Counts(seen, len(trials) - seen))


def functions() -> Report:
    """The catalogue on virtual functions alone, where IOVAs have up to 57 bits."""
    return _pvtest("functions", "run", "--functions-alone", "--quiet")


def processors() -> Report:
    """Life-cycle, configuration and malformed calls from the second of four processors, and the calls of all four."""
    groups = ("malformed.*", "lifecycle.*", "hypercall.*", "configure.*", "concurrency.*")
    return _pvtest("processors", "run", "--cpus", "4", "--calls-from", "2", "--quiet", *groups)


def defects() -> Report:
    """Every defect of the reference host must be caught."""
    jobs = ("--jobs", str(JOBS))
    return _pvtest("defects", "defects", *jobs, file="defects.json", good="caught", bad=("missed", "error"))


def variants() -> Report:
    """The images that clang builds: the host without a variant passes the whole catalogue with every device on the
    plain PCI bus, and every variant passes, too."""
    # The campaign of the defects is the same for the usual images: each begins with the catalogue on that bus.
    if _make("image", "CC=clang", f"BUILD={CLANG_BUILD}") != 0:
        return Report(False)
    words = ("variants", "--together", "8", "--jobs", str(JOBS))
    report = _pvtest("variants", *words, file="variants.json", build=CLANG_BUILD)
    plain = paths.BUILD / "results-variants" / "latest" / "results.json"
    whole = _read_counts(plain, ("pass",), ("fail", "error"), "skip")
    report.counts.add(whole)
    return Report(report.ok and whole.passed > 0, report.counts)


def _read_counts(path: Path, good: tuple[str, ...], bad: tuple[str, ...], skip: str) -> Counts:
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))["summary"]
    except (OSError, ValueError, KeyError):
        return Counts()
    return Counts(*(sum(summary.get(key, 0) for key in keys) for keys in (good, bad, (skip,))))


# Quick answers first, then the long ones; what is short fills the end.
STEPS: tuple[tuple[str, Callable[[], Report], bool], ...] = (
    ("build", build, True),  # nothing after it makes sense when it fails
    ("lint", lint, False),
    ("catalogue", catalogue, False),
    ("unit", unit, False),
    ("runner", runner, False),
    ("variants", variants, False),
    ("defects", defects, False),
    ("unit-faults", unit_fault_step, False),
    ("fuzz", fuzz, False),
    ("reproducible", reproducible, False),
    ("linux", linux, False),
    ("linux-gen2", linux_gen2, False),
    ("gen2", gen2, False),
    ("functions", functions, False),
    ("processors", processors, False),
    ("virtio-iommu", virtio_iommu, False),
    ("vtd", vtd, False),
)
NAMES = tuple(step[0] for step in STEPS)
ABOUT = {name: step.__doc__ for name, step, _ in STEPS}


@dataclass
class Outcome:
    """A step that has ended."""

    name: str
    report: Report
    seconds: float
    processor: float  # seconds of the processor, of all its processes

    def __str__(self) -> str:
        word = "ok" if self.report.ok else "FAILED"
        return f"{word:6} {self.name:14} {self.seconds:6.1f} s  CPU {self.processor:6.1f} s  {self.report.counts}"


def _run(name: str, jobs: int, log: Path | None) -> Outcome:
    """One step; its output goes to the log, or where that of this process goes."""
    found = paths.BUILD / "ci" / f"{name}.json"
    found.unlink(missing_ok=True)
    begin = time.monotonic()
    with contextlib.ExitStack() as open_files:
        output = open_files.enter_context(log.open("wb")) if log else None
        process = subprocess.Popen(  # pylint: disable=consider-using-with  # wait4() is what tells its time
            [*WORKER, name, str(found)],
            env={**os.environ, JOBS_VARIABLE: str(jobs)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if output else None,
        )
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    try:
        ok, counts = json.loads(found.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        ok, counts = False, (0, 0, 0)
    report = Report(ok and process.returncode == EXIT_OK, Counts(*counts))
    # A step that fails without naming a test still has to show in the count.
    if not report.ok and report.counts.failed == 0:
        report.counts.failed = 1
    return Outcome(name, report, time.monotonic() - begin, used.ru_utime + used.ru_stime)


def _alone(name: str, report: str) -> int:
    """The process of one step."""
    found = {step[0]: step[1] for step in STEPS}[name]()
    counts = found.counts
    Path(report).write_text(json.dumps([found.ok, [counts.passed, counts.failed, counts.skipped]]), encoding="utf-8")
    return EXIT_OK if found.ok else EXIT_FAIL


def _one_by_one(names: list[str]) -> Iterator[Outcome]:
    for name in names:
        print(f"\n=== {name}: {ABOUT[name]}", flush=True)
        yield _run(name, CORES, None)


def _side_by_side(names: list[str]) -> Iterator[Outcome]:
    """The output of each when it has ended."""
    logs = {name: paths.BUILD / "ci" / f"{name}.log" for name in names}
    print(f"\n=== {LANES} at a time: {', '.join(names)}", flush=True)
    with ThreadPoolExecutor(LANES) as pool:
        waiting = [pool.submit(_run, name, max(1, CORES // LANES), logs[name]) for name in names]
        for future in as_completed(waiting):
            outcome = future.result()
            print(f"\n=== {outcome.name}: {ABOUT[outcome.name]}", flush=True)
            print(logs[outcome.name].read_text(encoding="utf-8", errors="replace"), end="", flush=True)
            yield outcome


def _outcomes(names: list[str]) -> Iterator[Outcome]:
    """Of all steps; those that all others need come first, and what follows one that fails does not run."""
    needed = [step[0] for step in STEPS if step[2] and step[0] in names]
    rest = [name for name in NAMES if name in names and name not in needed]
    for outcome in _one_by_one(needed):
        yield outcome
        if not outcome.report.ok:
            return
    yield from _side_by_side(rest) if len(rest) > 1 and CORES >= LANES else _one_by_one(rest)


def _clear() -> None:
    """Results of an earlier run must not be counted."""
    for name in ("test", "verbosity", *NAMES):
        shutil.rmtree(paths.BUILD / f"results-{name}", ignore_errors=True)
    (paths.BUILD / "ci").mkdir(parents=True, exist_ok=True)


def main(names: list[str]) -> int:
    """Runs all steps, or those that are named."""
    for name in names:
        if name not in NAMES:
            print(f"unknown step {name!r}; known: {', '.join(NAMES)}", file=sys.stderr)
            return EXIT_USAGE
    # Steps run at the top of the tree. The path is relative, because a colon in it would separate two paths.
    os.environ["PYTHONPATH"] = "tools"
    # Hundreds of processes: none compiles what another one has compiled, and the tree stays as it is.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(paths.BUILD.absolute() / "pycache")
    _clear()
    total, done, begin = Counts(), [], time.monotonic()
    for outcome in _outcomes(names or list(NAMES)):
        print(f"=== {outcome}", flush=True)
        total.add(outcome.report.counts)
        done.append(outcome)
    bad = [outcome.name for outcome in done if not outcome.report.ok]
    print("\nSteps:", *(f"  {outcome}" for outcome in done), sep="\n")
    processor = sum(outcome.processor for outcome in done)
    print(f"  {'in all':21} {time.monotonic() - begin:6.1f} s  CPU {processor:6.1f} s")
    if bad:
        print(f"Failed: {', '.join(bad)}")
    print(total, flush=True)
    return EXIT_FAIL if bad or total.failed else EXIT_OK


if __name__ == "__main__":
    sys.exit(_alone(*sys.argv[2:4]) if sys.argv[1:2] == ["--alone"] else main(sys.argv[1:]))
