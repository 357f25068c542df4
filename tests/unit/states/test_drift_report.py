"""The report of drift: what hosts and AWS answer as rows, and the control node's metrics."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from compiled import Minion
from loader import load
from salt.exceptions import CommandExecutionError

drift = load("_runners/drift.py")
textfile = load("_modules/textfile.py")

MAP = "/srv/saltwatch/cloud.map"
DIFFERENCES = {"size": {"is": "t3.large", "wanted": "t3.small"}}


def _state(name: str, result: bool | None, comment: str = "", **changes: Any) -> dict[str, Any]:
    return {"__id__": name, "result": result, "comment": comment, "changes": changes}


class Client:
    """Salt's client, with answers that were made up."""

    def __init__(self, hosts: Mapping[str, Any], aws: Any) -> None:
        self.hosts, self.aws, self.asked = hosts, aws, []

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def cmd_batch(self, *arguments: Any, **more: Any) -> Iterator[dict[str, Any]]:
        self.asked.append((arguments, more))
        for host, answer in self.hosts.items():
            yield {host: answer}

    def cmd(self, *arguments: Any, **more: Any) -> dict[str, Any]:
        self.asked.append((arguments, more))
        return {} if self.aws is None else {arguments[0]: self.aws}


def _report(
    monkeypatch: pytest.MonkeyPatch, accepted: Sequence[str], hosts: Mapping[str, Any], aws: Any = ()
) -> tuple[list[dict[str, str]], Client]:
    client = Client(hosts, list(aws) if isinstance(aws, tuple) else aws)

    class Keys:
        def list_keys(self) -> dict[str, list[str]]:
            return {"minions": list(accepted), "minions_pre": ["new-1"]}

    monkeypatch.setattr(drift.salt.key, "get_key", lambda opts: Keys())
    monkeypatch.setattr(drift.salt.client, "get_local_client", lambda mopts: client)
    monkeypatch.setattr(drift.salt.config, "minion_config", lambda path: {"id": "salt-1"})
    drift.__opts__ = {
        "id": "ip-10-0-0-4_master",
        "ext_pillar": [{"fleet_map": [MAP]}, {"pillar_schema": ["x"]}],
    }
    answer = drift.report()
    assert answer["outputter"] == "table"
    return answer["data"], client


def test_what_would_change_is_reported_by_host_and_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutants: results of None only; a state that would fail left out; ``test`` not
    given; a busy host given up after the master's 15 seconds."""
    states = {
        "a": _state("app-config", None, "The file is set to be changed\nNote: ..."),
        "b": _state("app-ok", True, "as it should be"),
        "c": _state("app-odd", True, "would be made", new="x"),
        "d": _state("app-bad", False, "no such source"),
    }
    rows, client = _report(monkeypatch, ["app-1", "db-1"], {"app-1": states, "db-1": {"b": states["b"]}})
    assert rows == [
        {"host": "app-1", "state": "app-config", "what": "The file is set to be changed"},
        {"host": "app-1", "state": "app-odd", "what": "would be made"},
        {"host": "app-1", "state": "app-bad", "what": "no such source"},
    ]
    patience = {"timeout": 60, "gather_job_timeout": 60}
    assert client.asked[0] == (("*", "state.apply"), {"kwarg": {"test": True}, "batch": "50", **patience})
    assert client.asked[1] == (("salt-1", "control_node.aws_drift"), {"kwarg": {"maps": [MAP]}, **patience})


def test_what_cannot_be_compared_is_reported_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutants: silent hosts left out; a list of errors taken for no drift; the same of AWS."""
    answers = {"app-1": ["Rendering SLS 'base:app' failed"], "app-2": False}
    rows, _ = _report(monkeypatch, ["app-1", "app-2", "app-3"], answers, "ERROR: UnauthorizedOperation")
    assert [(row["host"], row["what"]) for row in rows] == [
        ("app-1", "no comparison: Rendering SLS 'base:app' failed"),
        ("app-2", "no comparison: no answer"),
        ("app-3", "no comparison: no answer"),
        ("aws", "no comparison: ERROR: UnauthorizedOperation"),
    ]
    assert _report(monkeypatch, [], {}, None)[0] == [
        {"host": "aws", "state": "", "what": "no comparison: no answer"}
    ]


def test_aws_s_rows_are_in_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutant: the control node's answer thrown away."""
    row = {"host": "aws", "state": "instance app-1", "what": "is not there"}
    assert _report(monkeypatch, [], {}, [row])[0] == [row]


def _control(directory: Path, foundation: Any, *plans: Mapping[str, Any], pillar: Any = None) -> Any:
    """Return the module ``control_node`` with what states and salt-cloud answer it."""
    answers = [json.dumps({"ec2": {"ec2": plan}}) if isinstance(plan, Mapping) else plan for plan in plans]

    def call(command: list[str], cwd: str, python_shell: bool) -> dict[str, str]:
        assert command[-4:-1] == ["-f", "plan_map", "ec2"], command
        assert (cwd, python_shell) == ("/srv/saltwatch", False)
        return {"stdout": answers.pop(0), "stderr": "why"}

    def sls(name: str, test: bool) -> Any:
        assert (name, test) == ("aws.security_groups", True)
        return foundation

    def write(name: str, metrics: textfile.Metrics) -> str:
        return str(textfile.write(name, metrics, str(directory)))

    functions = {"state.sls": sls, "cmd.run_all": call, "textfile.write": write}
    return load("_modules/control_node.py", __pillar__=pillar or {"aws": {}}, __salt__=functions)


def _plan(**actions: Any) -> dict[str, Any]:
    return {
        **{name: {} for name in ("create", "replace", "bootstrap", "start", "change", "keep", "extra")},
        "cost": {"monthly": 1.0},
        **actions,
    }


def test_groups_and_instances_of_aws(tmp_path: Path) -> None:
    """Mutants: machines that are as they should be reported; ``cost`` taken for machines."""
    foundation = {
        "a": _state("aws-rules-saltwatch-app", None, "is to be changed", old={"ingress": {"tcp 22": ""}}),
        "b": _state("aws-vpc", True, "is as it should be"),
        "c": _state("aws-group-saltwatch-app", False, "UnauthorizedOperation"),
    }
    plan = _plan(
        keep={"salt-1": {}},
        change={"app-1": {"differences": DIFFERENCES}},
        create={"loki-1": {}},
        start={"tempo-1": {}},
        extra={"old-1": {}},
    )
    rows = _control(tmp_path, foundation, plan).aws_drift([MAP])
    assert {row["host"] for row in rows} == {"aws"}
    assert {row["state"]: row["what"] for row in rows} == {
        "aws-rules-saltwatch-app": '{"old": {"ingress": {"tcp 22": ""}}}',
        "aws-group-saltwatch-app": "UnauthorizedOperation",
        "instance app-1": '{"size": {"is": "t3.large", "wanted": "t3.small"}}',
        "instance loki-1": "is not there",
        "instance tempo-1": "does not run",
        "instance old-1": "is in no map",
    }
    lines = (tmp_path / "salt_aws_drift.prom").read_text().splitlines()
    assert 'salt_aws_drift{resource="instance app-1"} 1.0' in lines
    assert "salt_aws_drift_resources 6.0" in lines
    assert len([line for line in lines if line.startswith("salt_aws_drift{")]) == 6


def test_a_machine_of_the_other_map_is_no_stranger(tmp_path: Path) -> None:
    """Mutant: each map by itself, so that every machine of the others is in no map."""
    first = _plan(keep={"salt-1": {}}, extra={"app-1": {}, "old-1": {}})
    second = _plan(keep={"app-1": {}}, extra={"salt-1": {}})
    rows = _control(tmp_path, {}, first, second).aws_drift([MAP, MAP])
    assert [row["state"] for row in rows] == ["instance old-1"]


@pytest.mark.parametrize("answer", ["", "{}", '{"ec2": {"ec2": "no such region"}}', '{"ec2": {"ec2": {}}}'])
def test_what_could_not_be_asked_is_no_all_clear(tmp_path: Path, answer: str) -> None:
    """Mutants: no plan taken for no differences; the time of the last look written all the same."""
    control = _control(tmp_path, {}, answer)
    with pytest.raises(CommandExecutionError, match=r"cloud\.map"):
        control.aws_drift([MAP])
    with pytest.raises(CommandExecutionError, match="Rendering"):
        _control(tmp_path, ["Rendering failed"], _plan()).aws_drift([MAP])
    assert list(tmp_path.iterdir()) == []


def test_without_aws_there_is_nothing_to_compare(tmp_path: Path) -> None:
    """As in `vagrant up`. Mutant: the pillar not looked at."""
    assert _control(tmp_path, {}, pillar={"fleet": {}}).aws_drift([MAP]) == []
    assert list(tmp_path.iterdir()) == []


def test_minions_and_keys_of_the_master(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutants: connected minions only; keys that wait counted as minions; two states exchanged."""
    control = _control(tmp_path, {})

    class Keys:
        def list_keys(self) -> dict[str, list[str]]:
            return {
                "minions": ["app-1", "salt-1"],
                "minions_pre": ["new-1", "new-2", "new-3"],
                "minions_rejected": ["bad-1"],
                "minions_denied": [],
            }

    class Minions:
        def connected_ids(self) -> set[str]:
            return {"salt-1"}

    monkeypatch.setattr(control.salt.config, "master_config", lambda path: {})
    monkeypatch.setattr(control.salt.key, "get_key", lambda opts: Keys())
    monkeypatch.setattr(control.salt.utils.minions, "CkMinions", lambda opts: Minions())
    assert control.status()["minions"] == {"app-1": False, "salt-1": True}
    lines = (tmp_path / "salt_status.prom").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        'salt_minion_up{minion="app-1"} 0.0',
        'salt_minion_up{minion="salt-1"} 1.0',
        'salt_keys{state="accepted"} 2.0',
        'salt_keys{state="unaccepted"} 3.0',
        'salt_keys{state="rejected"} 1.0',
        'salt_keys{state="denied"} 0.0',
    ]


@pytest.mark.parametrize(("env", "gateway"), [("dev", "public-a"), ("prod", "public-b")])
def test_the_control_node_has_the_network_that_the_operator_made(
    minion: Callable[..., Minion], env: str, gateway: str
) -> None:
    """Mutants: prod's network at the operator's only; its `include` before that of `aws`."""
    mine, operators = (minion(name, env).pillar["aws"] for name in ("salt-1", "operator"))
    for key in ("region", "vpc_cidr", "subnets"):
        assert mine[key] == operators[key], key
    assert mine["subnets"]["private-b"]["nat"] == gateway


def test_without_aws_the_control_node_has_no_network(minion: Callable[..., Minion]) -> None:
    """Its schema would want an operator's key there. Mutant: `aws` included by pillar/base/master.sls."""
    assert "region" not in minion("salt-1", "vagrant").pillar.get("aws", {})
