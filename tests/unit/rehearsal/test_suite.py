"""What is told of the tests that ran."""

import itertools
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from _pytest.mark.expression import Expression

from rehearsal import suite
from rehearsal.progress import StepError
from rehearsal.settings import Settings
from rehearsal.suite import RESULTS, results_by_host

REPORT = """<testsuites><testsuite>
<testcase name="test_a[app-1]"/><testcase name="test_b[app-1]"><failure/></testcase>
<testcase name="test_c[app-1]"><error/></testcase>
<testcase name="test_a[app-11]"/><testcase name="test_of_the_whole"/>
</testsuite></testsuites>"""


def test_each_hosts_own_tests_are_counted(tmp_path: Path) -> None:
    """Mutants: errors taken for passes; app-11's counted as app-1's."""
    path = tmp_path / RESULTS
    path.parent.mkdir(parents=True)
    path.write_text(REPORT)
    settings = replace(Settings(), checkout=tmp_path)
    assert results_by_host(settings, ["app-1", "app-11", "new-1"]) == {
        "app-1": "1 of 3",
        "app-11": "1 of 1",
        "new-1": "0 of 0",
    }


def test_nothing_is_told_of_what_did_not_run(tmp_path: Path) -> None:
    """Mutant: an error where nothing was verified yet."""
    assert results_by_host(replace(Settings(), checkout=tmp_path), ["app-1"]) == {}


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what is done to the fleet, of which no region runs; its launch fails."""
    done: list[str] = []

    def launch(settings: Settings, **options: object) -> int:
        done.append("up")
        raise StepError("the foundation failed", tmp_path / "foundation.log", "mend salt/aws")

    monkeypatch.setattr("rehearsal.up.up", launch)
    monkeypatch.setattr("rehearsal.down.down", lambda *arguments: done.append("down"))
    monkeypatch.setattr(suite.process, "running", lambda settings: False)
    return done


def test_a_launch_that_fails_is_told_counted_and_cleared(
    calls: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Mutants: the error ends the suite before the fleet is down; it is not counted; its advice is lost."""
    run = suite.Suite(Settings("nobodys", tmp_path), long=False)
    run.with_fleet()
    assert calls == ["up", "down"]
    assert run.conclude() == 1
    told = capsys.readouterr().out
    assert "0 passed, 1 failed" in told
    assert "next: mend salt/aws" in told


def test_a_fleet_that_was_killed_is_taken_down_first(calls: list[str], tmp_path: Path) -> None:
    """Mutant: the suite goes on with what a killed fleet left."""
    settings = Settings("nobodys", tmp_path)
    settings.state.mkdir(parents=True)
    suite.Suite(settings, long=False).with_fleet()
    assert calls == ["down", "up", "down"]


BESIDE = ["region", "driver", "driver's coverage", "unit"]
HOSTS = ["fleet", "hosts", "application", "monitoring"]
PARTS = ["lint", "hypervisor", "foundation", *BESIDE, *HOSTS]


@pytest.mark.parametrize("bad", PARTS)
def test_each_part_runs_and_each_counts(bad: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutants: a part left out, its failure lost; the region, which makes networks, beside the hypervisor."""
    begun: list[str] = []
    beside = threading.Event()

    def part(self: suite.Suite, name: str, *_: object) -> None:
        begun.append(name)
        if name == "foundation":
            beside.set()
        if name == "hypervisor":
            assert beside.wait(60), "the foundation's tests have not begun meanwhile"
            time.sleep(0.1)  # for what else would begin
            begun.append("the hypervisor's end")
        self.parts.append(suite.Part(name, int(name == bad), 0, {}))

    monkeypatch.setattr(suite.Suite, "_part", part)
    monkeypatch.setattr(suite.Suite, "with_fleet", suite.Suite.hosts)
    assert suite.run(Settings("nobodys", tmp_path), long=False) == 1
    end = begun.index("the hypervisor's end")
    assert begun.index("lint") < begun.index("hypervisor")
    assert sorted(begun[:end]) == ["foundation", "hypervisor", "lint"]
    assert sorted(begun[end + 1 :]) == sorted([*BESIDE, *HOSTS])


def test_host_tests_run_in_turn_and_the_last_two_parts_beside_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutants: all parts at once; each of them by itself."""
    both, ended = threading.Barrier(2, timeout=60), []

    def part(self: suite.Suite, name: str, *_: object) -> None:
        if name in ("application", "monitoring"):
            assert ended[:2] == ["fleet", "hosts"]
            both.wait()
        ended.append(name)

    monkeypatch.setattr(suite.Suite, "_part", part)
    suite.Suite(Settings("nobodys", tmp_path), long=False).hosts()
    assert sorted(ended) == sorted(HOSTS)


@pytest.mark.parametrize("bad", HOSTS)
def test_a_part_of_the_host_tests_that_does_not_end_is_an_error(
    bad: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutant: the runs' results not asked for."""

    def part(self: suite.Suite, name: str, *_: object) -> None:
        if name == bad:
            raise StepError("no end after 90 minutes", tmp_path / "log", "look")

    monkeypatch.setattr(suite.Suite, "_part", part)
    with pytest.raises(StepError):
        suite.Suite(Settings("nobodys", tmp_path), long=False).hosts()


@pytest.mark.parametrize("long", [False, True])
def test_long_host_tests_are_told_of_one_by_one(
    long: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutants: a line a file, of which one takes an hour; a line a test where each takes seconds."""
    asked: list[list[str]] = []
    monkeypatch.setattr(suite.Suite, "_part", lambda self, name, argv, environment: asked.append(argv))
    suite.Suite(Settings("nobodys", tmp_path), long=long).hosts()
    assert ["-v" in argv for argv in asked] == [long] * len(HOSTS)


@pytest.mark.parametrize("long", [False, True])
def test_each_host_test_runs_once(long: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its marks are. Mutants: `not alone` left out of a part; `drift` left out of another."""
    asked: list[str] = []

    def part(self: suite.Suite, name: str, argv: list[str], environment: dict[str, str]) -> None:
        asked.append(argv[argv.index("-m", argv.index("pytest")) + 1])

    monkeypatch.setattr(suite.Suite, "_part", part)
    suite.Suite(Settings("nobodys", tmp_path), long=long).hosts()
    names = ("drift", "application", "alone", "region", "undisturbed", "long")
    for marks in itertools.chain.from_iterable(itertools.combinations(names, n) for n in range(7)):
        runs = [Expression.compile(each).evaluate(lambda name, **_: name in marks) for each in asked]  # noqa: B023
        assert sum(runs) == (long or "long" not in marks), marks


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("== 3 failed, 210 passed, 2 skipped, 1 error in 12.34s ==\n", (210, 3, 2, 1)),
        ("1 passed, 3 deselected in 1202.08s (0:20:02)\n", (1, 0, 0, 0)),
        ("no tests ran\n", (0, 0, 0, 0)),
    ],
)
def test_pytests_last_line_is_read(output: str, expected: tuple[int, ...]) -> None:
    """Mutants: only the line with rules around it, which ``-q`` leaves out."""
    counts = suite._counts(output)
    assert tuple(counts.get(key, 0) for key in ("passed", "failed", "skipped", "error")) == expected
