"""`./rehearse test`: everything that can be said of this checkout, what is quick to fail first.

Tests of hosts, and of the hypervisor, wait for most of their time, those that need no host compute. So they
share the machine, the latter with what the hosts leave of it.
"""

import re
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from xml.etree import ElementTree

from rich.table import Table

from rehearsal.lock import exclusive
from rehearsal.operator import Operator
from rehearsal.progress import Progress, Step, StepError
from rehearsal.region import process
from rehearsal.settings import Settings

DRIVER_COVERAGE = 95  # per cent of the EC2 driver's lines and branches that its tests have to reach
DRIVER = "salt/_clouds"
REPORTS = ("--cov-report=term:skip-covered", "--cov-report=xml:build/reports/coverage.xml")
HYPERVISOR = "tests/region/machine"
RESULTS = "build/reports/hosts.xml"  # of the host tests, as JUnit writes it
# What leaves hosts as they are: kinds of tests side by side.
SIDE_BY_SIDE = ("-n", "2", "--dist", "loadscope")
# The host tests' marks and options, by name. Those of one row run beside each other, the rows in turn.
HOST_TESTS = (
    {"fleet": ("alone", ())},
    {"hosts": ("not alone and not drift", SIDE_BY_SIDE)},
    {
        "application": ("drift and not alone and application", ()),
        "monitoring": ("drift and not alone and not application", ()),
    },
)
# As pytest closes: "== 3 failed, 210 passed, 2 skipped in 12.34s ==", with -q without the rules.
_COUNT = re.compile(r"(\d+) (passed|failed|skipped|errors?|deselected)")


@dataclass
class Part:
    """One part of the suite and how it ended."""

    name: str
    code: int
    seconds: float
    counts: dict[str, int]


@dataclass(frozen=True)
class Verdict:
    """Whether the host tests passed, and in what words."""

    passed: bool
    summary: str


def run(settings: Settings, *, long: bool, pytest_arguments: Sequence[str] = ()) -> int:
    """Run the suite.

    Args:
        settings: Of the rehearsal; its fleet is launched if it is not up, and then taken down again.
        long: Also what takes too long for CI.
        pytest_arguments: Given to the host tests only; then nothing else runs.

    Returns:
        The exit code: 0 only if every part passed.
    """
    suite = Suite(settings, long)
    if pytest_arguments:
        suite.some_hosts(pytest_arguments)
    else:
        with ThreadPoolExecutor(1) as beside:  # one after the other
            foundation = beside.submit(suite.foundation)
            suite.lint()
            suite.hypervisor()
            units = beside.submit(suite.units)
            suite.with_fleet()
        foundation.result()
        units.result()
    return suite.conclude()


class Suite:
    """The parts of one run.

    Args:
        settings: Of the rehearsal.
        long: Also what takes too long for CI.
    """

    def __init__(self, settings: Settings, long: bool) -> None:
        self.settings = settings
        self.long = long
        self.marks = [] if long else ["-m", "not long"]
        self.seconds = 4 * 3600 if long else 5400  # a part may take; three drills take one hour by themselves
        self.progress = Progress(settings.logs / "tests")
        self.parts: list[Part] = []

    def lint(self) -> None:
        """What is said of the files as they are."""
        self._part("lint", [sys.executable, "-m", "rehearsal.checks"])

    def hypervisor(self) -> None:
        """The hypervisor, under a prefix of its own: its tests look at the whole machine's network."""
        self._part("hypervisor", [sys.executable, "-m", "pytest", *self.marks, HYPERVISOR])

    def foundation(self) -> None:
        """The states that make AWS's side, which touch nothing of the machine's.

        Without coverage, which sees little: Salt's processes do the work.
        """
        self._beside("foundation", ["tests/cloud/aws"])

    def units(self) -> None:
        """What else needs no host. The region's API by itself: it changes moto for its whole process."""
        self._beside("region", ["tests/region", f"--ignore={HYPERVISOR}"])
        self._beside("driver", [f"--cov={DRIVER}", *REPORTS, "tests/cloud/ec2"])
        covered = ["coverage", "report", f"--include={DRIVER}/*", f"--fail-under={DRIVER_COVERAGE}"]
        self._part("driver's coverage", [sys.executable, "-m", *covered])
        # Of the rest it is told and not judged, and costs half as much again.
        coverage = ["--cov", *REPORTS, "--cov-append"] if self.long else []
        self._beside("unit", [*coverage, "app/tests", "tests/rules", "tests/unit"])

    def _beside(self, name: str, arguments: list[str]) -> None:
        """Run pytest with what another part leaves of the machine."""
        # What takes longest does not come last, where the other worker would have nothing to do.
        parallel = [*self.marks, "-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]
        self._part(name, ["nice", "-n", "19", sys.executable, "-m", "pytest", *parallel, *arguments])

    def with_fleet(self) -> None:
        """The fleet: launched, converged and looked at from outside."""
        from rehearsal.down import down
        from rehearsal.up import up

        with exclusive(self.settings, "testing the fleet"):
            found = process.running(self.settings)
            if not found and self.settings.state.exists():
                self._say("A fleet that was killed is in the way. The suite launches its own.")
                down(self.settings, self.progress)
            started = time.monotonic()
            try:
                code = up(self.settings, verify=False, predict=not found)
            except StepError as error:
                self._say(error.explained())
                code = 1
            self.parts.append(Part("launch and converge", code, time.monotonic() - started, {}))
            if code == 0:
                self.hosts()
            if not found:
                down(self.settings, self.progress)

    def hosts(self) -> None:
        """The host tests, as the operator."""
        for row in HOST_TESTS:
            with ThreadPoolExecutor(len(row)) as pool:
                runs = [
                    pool.submit(self._hosts, name, [*self._marked(marks), *options, "tests/hosts"])
                    for name, (marks, options) in row.items()
                ]
            for run in runs:
                run.result()

    def some_hosts(self, arguments: Sequence[str]) -> None:
        """Those host tests that pytest's arguments name, one after the other."""
        self._hosts("hosts", [*self.marks, *arguments])

    def _marked(self, marks: str) -> list[str]:
        return ["-m", marks if self.long else f"({marks}) and not long"]

    def _hosts(self, name: str, arguments: Sequence[str]) -> None:
        operator = Operator(self.settings)
        each = ["-v"] if self.long else []  # a line a test: one file's, the drill's, take an hour
        argv = operator.command([sys.executable, "-m", "pytest", *each, *arguments])
        self._part(name, argv, operator.environment())

    def _part(self, name: str, argv: list[str], environment: dict[str, str] | None = None) -> None:
        started = time.monotonic()
        with self.progress.step(name, f"Tests: {name}") as step:

            def show(line: str) -> None:
                step.console.print(f"{name} | {line}", markup=False, highlight=False, soft_wrap=True)

            code, output = step.run(
                argv,
                env=environment,
                cwd=self.settings.checkout,
                on_line=show,
                check=False,
                timeout=self.seconds,
            )
        self.parts.append(Part(name, code, time.monotonic() - started, _counts(output)))

    def _say(self, text: str) -> None:
        self.progress.console.print(text, style="bold red", markup=False, highlight=False, soft_wrap=True)

    def conclude(self) -> int:
        """Print what became of each part; return the exit code."""
        table = Table("Part", "Exit", "Seconds", "Passed", "Failed", "Skipped")
        total = dict.fromkeys(("passed", "failed", "skipped"), 0)
        for part in self.parts:
            failed = part.counts.get("failed", 0) + part.counts.get("error", 0)
            row = {
                "passed": part.counts.get("passed", 0),
                "failed": failed,
                "skipped": part.counts.get("skipped", 0),
            }
            total = {key: total[key] + row[key] for key in total}
            table.add_row(
                part.name, str(part.code), f"{part.seconds:.0f}", *(str(value) for value in row.values())
            )
        console = self.progress.console
        console.print(table)
        console.print(f"Logs: {self.progress.logs}", highlight=False)
        bad = [part.name for part in self.parts if part.code]
        # A part may fail without a failed test: lint, or a launch.
        failed = max(total["failed"], len(bad))
        console.print(
            f"{total['passed']} passed, {failed} failed, {total['skipped']} skipped", highlight=False
        )
        return 1 if bad else 0


def host_tests(settings: Settings, operator: Operator, step: Step, without: str = "long or drift") -> Verdict:
    """Run those host tests that leave the hosts as they are, inside a step of another command.

    Args:
        settings: Their checkout's.
        operator: Who runs them.
        step: Where their lines go.
        without: The marks of those that are left out, as pytest's ``-m`` takes them.
    """
    results = [f"--junitxml={settings.checkout / RESULTS}"]
    argv = operator.command(
        [sys.executable, "-m", "pytest", *SIDE_BY_SIDE, "-m", f"not ({without})", *results, "tests/hosts"]
    )

    def show(line: str) -> None:
        if line.startswith(("FAILED", "ERROR")) or line.endswith("%]"):  # of all tests so far
            step.say(line)

    code, output = step.run(
        argv, env=operator.environment(), cwd=settings.checkout, on_line=show, check=False, timeout=1800
    )
    closing = [line.strip("= \n") for line in output.splitlines() if _COUNT.search(line)]
    return Verdict(code == 0, closing[-1] if closing else f"pytest exited with {code}")


def results_by_host(settings: Settings, hosts: Iterable[str]) -> dict[str, str]:
    """Return how many tests of each host passed, of how many, the last time that hosts were verified."""
    try:
        cases = list(ElementTree.parse(settings.checkout / RESULTS).iter("testcase"))  # noqa: S314 - ours
    except FileNotFoundError:
        return {}
    found = {}
    for host in hosts:
        own = [case for case in cases if f"[{host}]" in case.get("name", "")]
        failed = [case for case in own if case.find("failure") is not None or case.find("error") is not None]
        found[host] = f"{len(own) - len(failed)} of {len(own)}"
    return found


def _counts(output: str) -> dict[str, int]:
    lines = [line for line in output.splitlines() if _COUNT.search(line)]
    found = _COUNT.findall(lines[-1]) if lines else []
    return {
        word.removesuffix("s") if word.startswith("error") else word: int(number) for number, word in found
    }
