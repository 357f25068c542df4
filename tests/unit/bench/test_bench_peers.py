"""What peers are told, and how their answers are read: a run that changes or skips something is none."""

import json
from pathlib import PurePosixPath
from typing import Any

import jinja2
import pytest
import yaml

from bench.highstate import peers
from bench.highstate.__main__ import check
from bench.highstate.work import KINDS, Work, translate

PLACE = PurePosixPath("/var/tmp/bench")
OWNED = {"user": "root", "group": "root", "mode": "0644"}
LOW = [
    {"state": "pkg", "fun": "installed", "name": "p", "pkgs": ["curl", {"alloy": "1.9.2"}]},
    {"state": "group", "fun": "present", "name": "admins", "system": True},
    {"state": "user", "fun": "present", "name": "op", "gid": "admins", "shell": "/bin/bash"},
    {"state": "file", "fun": "directory", "name": "/etc/d", **OWNED},
    {"state": "file", "fun": "managed", "name": "/etc/d/f", **OWNED},
    {"state": "file", "fun": "managed", "name": "/var/log/l", "group": "adm", "replace": False},
    {"state": "file", "fun": "absent", "name": "/gone"},
    {"state": "sysctl", "fun": "present", "name": "net.a", "value": 1, "config": "/etc/sysctl.d/a.conf"},
    {
        "state": "mount",
        "fun": "mounted",
        "name": "/m",
        "device": "/dev/x",
        "fstype": "ext4",
        "opts": ["noatime"],
    },
    {"state": "once", "fun": "run", "name": "make", "makes": "/made"},
    {"state": "service", "fun": "running", "name": "ssh", "enable": True},
    {"state": "timezone", "fun": "system", "name": "UTC"},
]


@pytest.fixture
def work() -> Work:
    """One host's, with a resource of each kind."""
    return translate(LOW)


def written(works: dict[str, Work]) -> dict[str, str]:
    return dict(peers.files(PLACE, works, {host: f"10.0.0.{n}" for n, host in enumerate(works, 1)}))


def test_every_kind_is_here(work: Work):
    """Mutant: a kind without an example, which the tests below would not notice."""
    assert all(work.resources[kind] for kind in KINDS)
    assert work.count == len(KINDS)


def test_each_peer_makes_every_kind(work: Work):
    """Mutants: a task, or an operation, taken out; a kind without a state of Salt's."""
    found = written({"app-1": work})
    (play,) = yaml.safe_load(found["ansible/playbook.yml"])
    assert len(play["tasks"]) == len(KINDS)
    for kind in KINDS:
        assert f"work.{kind}" in found["ansible/playbook.yml"]
        assert f'work["{kind}"]' in found["pyinfra/deploy.py"]
    assert len(peers.states("app-1", work)) == work.count


def test_ansible_and_pyinfra_are_told_the_same(work: Work):
    """Mutants: a package's version lost; a file without its source, or with another host's."""
    found = written({"app-1": work, "app-2": work})
    inventory = json.loads(found["ansible/inventory.json"])["all"]["hosts"]
    hosts = json.loads(found["pyinfra/hosts.json"])
    assert inventory.keys() == hosts.keys() == {"app-1", "app-2"}
    for host, told in inventory.items():
        assert hosts[host]["work"] == told["work"]
        assert told["work"]["packages"] == ["curl", "alloy=1.9.2"]
        assert told["work"]["files"] == [
            {"name": "/etc/d/f", "source": f"{PLACE}/files/{host}/etc/d/f", **OWNED}
        ]


def test_states_are_what_they_were_made_of(work: Work):
    """Mutants: an argument by its common name instead of Salt's; a package's version lost; secrets shown."""
    low = []
    for identifier, state in peers.states("app-1", work).items():
        ((function, arguments),) = state.items()
        module, name = function.split(".")
        merged = {key: value for each in arguments for key, value in each.items()}
        low.append({"state": module, "fun": name, "name": identifier, **merged})
    assert translate(low).resources == work.resources
    (file,) = [each for each in low if each.get("source")]
    assert file["source"] == "salt://app-1/etc/d/f"
    assert file["show_diff"] is False


def test_the_floor_has_as_many_states_as_each_highstate(work: Work):
    """Mutants: one host's number for all; those only that peers are told."""
    works = {"app-1": work, "db-1": Work()}
    sls = dict(peers.floor(works))["nop.sls"]
    rendered = {
        host: yaml.safe_load(jinja2.Template(sls).render(grains={"id": host})) or {} for host in works
    }
    assert {host: len(states) for host, states in rendered.items()} == {"app-1": len(LOW), "db-1": 0}
    assert set(rendered["app-1"].values()) == {"test.nop"}


def test_host_keys_are_checked():
    """Mutant: any key is good."""
    found = written({"app-1": Work()})
    assert "StrictHostKeyChecking yes" in found["ssh_config"]
    roster = json.loads(found["salt-ssh/roster"])
    assert "StrictHostKeyChecking=yes" in roster["app-1"]["ssh_options"]


SALT = {"result": True, "changes": {}, "comment": "", "__id__": "a"}


@pytest.mark.parametrize(
    "bad",
    [SALT | {"changes": {"new": 1}}, SALT | {"result": False}, SALT | {"result": None}, "no such state"],
)
def test_a_change_or_a_failure_of_salt_is_seen(bad: Any):
    """Mutants: only failures count; only changes count; what is no state counts as a good one."""
    assert peers.read_salt(json.dumps({"h": {"a": SALT}})) == {"h": (1, [])}
    ((good, others),) = peers.read_salt(json.dumps({"h": {"a": SALT, "b": bad}})).values()
    assert good == 1
    assert len(others) == 1


@pytest.mark.parametrize("answer", [False, ["The function is running"]])
def test_a_host_that_does_not_answer_is_seen(answer: Any):
    """Mutant: taken for a host without states."""
    ((good, others),) = peers.read_salt(json.dumps({"h": answer})).values()
    assert (good, len(others)) == (0, 1)


def ansible(*answers: dict[str, Any]) -> str:
    tasks = [{"task": {"name": "t"}, "hosts": {"h": answer}} for answer in answers]
    return json.dumps({"plays": [{"tasks": tasks}], "stats": {"h": {}}})


def test_a_loop_of_ansible_counts_by_its_items():
    """Mutants: a loop counts once; one without items, or a task that does not apply, counts."""
    loop = {"changed": False, "results": [{"changed": False}, {"changed": False}]}
    empty = {"changed": False, "skipped": True, "results": []}
    without = {"changed": False, "skipped": True}
    assert peers.read_ansible(ansible(loop, empty, without, {"changed": False})) == {"h": (3, [])}


BAD = [{"changed": True}, {"failed": True}, {"unreachable": True}]


@pytest.mark.parametrize("answer", [*BAD, *({"results": [bad]} for bad in [*BAD, {"skipped": True}])])
def test_what_ansible_changes_fails_or_skips_is_seen(answer: dict[str, Any]):
    """Mutants: one of the four taken out; an item that was skipped counts as good."""
    ((good, others),) = peers.read_ansible(ansible(answer)).values()
    assert (good, len(others)) == (0, 1)


def pyinfra(failed: tuple[str, ...] = (), **hosts: list[str]) -> str:
    operation = {"name": "o", "args": [], "no_change": [], "success": [], "error": []} | hosts
    return "x\n" + json.dumps(
        {"plan": [], "results": {"operations": [operation], "failed_hosts": list(failed)}}
    )


def test_what_pyinfra_does_is_a_change():
    """Mutants: `success` counts as good; errors, or hosts that are out of reach, not looked at."""
    assert peers.read_pyinfra(pyinfra(no_change=["a", "b"])) == {"a": (1, []), "b": (1, [])}
    assert peers.read_pyinfra(pyinfra(success=["a"]))["a"] == (0, ["o []"])
    assert peers.read_pyinfra(pyinfra(error=["a"]))["a"] == (0, ["o []"])
    assert peers.read_pyinfra(pyinfra(failed=("a",)))["a"] == (0, ["it failed"])


@pytest.mark.parametrize("name", ["salt", "pyinfra"])
def test_a_run_counts_only_if_it_did_all_the_work(name: str, work: Work):
    """Mutants: fewer results, or other hosts, pass; a peer is held to the highstate's number of states."""
    (tool,) = [each for each in peers.tools(PLACE) if each.name == name]
    count = len(LOW) if name == "salt" else len(KINDS)

    def said(host: str, number: int) -> str:
        if name == "salt":
            return json.dumps({host: {str(n): SALT for n in range(number)}})
        operations = [json.loads(pyinfra(no_change=[host])[2:])["results"]["operations"][0]] * number
        return json.dumps({"results": {"operations": operations, "failed_hosts": []}})

    check(tool, said("h", count), {"h": work})
    for host, number in (("h", count - 1), ("h", count + 1), ("other", count)):
        with pytest.raises(RuntimeError, match="did not do the work"):
            check(tool, said(host, number), {"h": work})
