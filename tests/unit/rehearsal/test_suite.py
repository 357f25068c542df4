"""What is told of the tests that ran."""

from dataclasses import replace
from pathlib import Path

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
