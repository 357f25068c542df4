"""What is recorded of highstates: the state that comes last, and the files that it writes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from compiled import Minion
from loader import load
from tools import run

textfile = load("_modules/textfile.py")


def _run(result: bool | None, **changes: str) -> dict[str, Any]:
    return {"result": result, "changes": changes, "duration": 500.0}


OK, CHANGED, FAILED, WOULD = _run(True), _run(True, new="x"), _run(False), _run(None)


def _record(directory: Path, *runs: dict[str, Any], test: bool = False) -> dict[str, float]:
    """Record runs; return all samples that the directory has then."""
    running = {str(number): each for number, each in enumerate(runs)}
    module = load(
        "_states/highstate.py",
        __opts__={"test": test},
        __running__=running,
        __salt__={"textfile.write": textfile.write},
    )
    answer = module.recorded(str(directory))
    assert (answer["result"], answer["changes"]) == (True, {})
    return _samples(directory)


def _samples(directory: Path) -> dict[str, float]:
    lines = [line for path in directory.glob("*.prom") for line in path.read_text().splitlines()]
    pairs = [line.rsplit(" ", 1) for line in lines if not line.startswith("#")]
    assert len(pairs) == len({name for name, _ in pairs}), "a metric is in two files"
    return {name: float(value) for name, value in pairs}


def test_a_host_that_was_never_converged_is_predicted(tmp_path: Path) -> None:
    """The Node Exporter's package brings the directory; a real run without it fails.

    Mutant: the question left out.
    """
    module = load("_states/highstate.py", __opts__={"test": True}, __running__={}, __salt__={})
    answer = module.recorded(str(tmp_path / "none"))
    assert (answer["result"], answer["changes"]) == (True, {})
    with pytest.raises(FileNotFoundError):
        _record(tmp_path / "none", OK)


def test_states_are_counted_by_result(tmp_path: Path) -> None:
    """Mutants: a failed state that changed something counts twice; milliseconds as seconds."""
    samples = _record(tmp_path, OK, OK, CHANGED, FAILED, _run(False, new="half"))
    assert {
        key: samples[f'salt_highstate_states{{result="{key}"}}'] for key in ("ok", "changed", "failed")
    } == {
        "ok": 2,
        "changed": 1,
        "failed": 2,
    }
    assert samples["salt_highstate_duration_seconds"] == 2.5


def test_a_failed_run_leaves_the_time_of_the_last_success(tmp_path: Path) -> None:
    """Mutants: the time written whatever failed; one file for both, so that a failure takes it away."""
    success = "salt_highstate_last_success_timestamp_seconds"
    assert success not in _record(tmp_path, FAILED)
    first = _record(tmp_path, OK)[success]
    samples = _record(tmp_path, OK, FAILED)
    assert samples[success] == first
    assert samples["salt_highstate_last_run_timestamp_seconds"] > first


def test_a_prediction_is_drift_and_no_run(tmp_path: Path) -> None:
    """Mutants: ``test`` not looked at; only changes or only None looked at; failures left out."""
    samples = _record(tmp_path, OK, WOULD, CHANGED, FAILED, test=True)
    assert samples.pop("salt_drift_last_run_timestamp_seconds") > 1.7e9
    assert samples == {"salt_drift_states": 3}


def test_the_record_is_last_in_every_highstate(any_minion: Minion) -> None:
    """Mutant: it stands beside role.base in the top file, before all roles."""
    assert any_minion.chunks[-1]["__id__"] == "highstate-record"


def test_the_record_is_where_the_exporter_looks(minion: Callable[..., Minion]) -> None:
    """Mutants: another directory in salt/highstate, in salt/_modules/textfile.py."""
    arguments = minion("app-1").files["/etc/default/prometheus-node-exporter"]
    directory = arguments.partition("--collector.textfile.directory=")[2].split()[0]
    assert minion("app-1").chunks[-1]["name"] == directory
    assert directory == textfile.DIRECTORY


def test_promtool_takes_the_file(tmp_path: Path) -> None:
    """Mutants: a label's quotes not escaped; no newline at the end; HELP after the samples."""
    labels = {"resource": 'a "quoted" \\ name\nand more'}
    path = textfile.write("some", {"salt_aws_drift": ("What drifted.", [(labels, True)])}, str(tmp_path))
    text = Path(path).read_text()
    assert text.splitlines()[-1] == 'salt_aws_drift{resource="a \\"quoted\\" \\\\ name\\nand more"} 1.0'
    answer = run("promtool", "check", "metrics", stdin=text)
    assert (answer.returncode, answer.stdout) == (0, "")


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    """Mutants: written in place; the temporary file left there; its mode 0600."""
    textfile.write("some", {"first": ("First.", [({}, 1)])}, str(tmp_path))
    before = (tmp_path / "some.prom").read_text()
    with pytest.raises(ValueError, match="could not convert"):
        textfile.write("some", {"second": ("Second.", [({}, "none")])}, str(tmp_path))
    (tmp_path / "other.prom").mkdir()
    with pytest.raises(OSError, match="other"):
        textfile.write("other", {"second": ("Second.", [({}, 2)])}, str(tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == {"some.prom", "other.prom"}
    assert (tmp_path / "some.prom").read_text() == before
    assert (tmp_path / "some.prom").stat().st_mode & 0o777 == 0o644


def test_hosts_apply_at_their_own_moment(minion: Callable[..., Minion]) -> None:
    """Mutants: the switch not looked at; no delay, so that a thousand hosts ask the master at once."""
    prod = {chunk["__id__"]: chunk for chunk in minion("app-1", "prod").chunks}
    assert prod["highstate-timer"]["fun"] == "running"
    timer = minion("app-1", "prod").files["/etc/systemd/system/salt-highstate.timer"]
    assert {"OnCalendar=*-*-* 04:00", "RandomizedDelaySec=2h", "FixedRandomDelay=true"} <= set(
        timer.splitlines()
    )


def test_tests_are_not_disturbed(minion: Callable[..., Minion]) -> None:
    """In dev, which the rehearsal is, nothing mends or looks by itself. Mutant: a default in dev."""
    chunks = {chunk["__id__"]: chunk for chunk in minion("salt-1").chunks}
    assert not {"highstate-timer", "drift-timer"} & set(chunks)  # there is nothing to stop yet
    assert chunks["drift-status-timer"]["fun"] == "running"
