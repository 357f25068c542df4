"""The files, the commands and the answers of each tool that does the work."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from bench.highstate.work import KINDS, Values, Work
from rehearsal.settings import CHECKOUT

HERE = Path(__file__).parent
KEY = "/etc/salt/pki/cloud/fleet_ed25519"  # salt-1's own, with which it has launched the hosts
USER = "admin"
NOP = "saltwatch_bench"  # directory of the floor's states in a file root of the master's
SCRATCH = f"/home/{USER}/.saltwatch-bench"  # on the hosts; nobody else may write there
LEFT_ON_HOSTS = (SCRATCH, f"/var/cache/salt/minion/files/base/{NOP}")

Counts = dict[str, tuple[int, list[str]]]  # by host: results without a change, and what there is besides


@dataclass(frozen=True)
class Tool:
    """One way to apply the work.

    Args:
        name: Short.
        title: For people.
        argv: The command, on the control node.
        directory: Where it runs, below the bench's own place there.
        read: Returns what its standard output says of each host.
        environment: Its variables besides those that are there.
        goal: How many times longer than a highstate it is hoped to take (none: the highstate, and the floor).
    """

    name: str
    title: str
    argv: list[str]
    directory: str
    read: Callable[[str], Counts]
    environment: dict[str, str] = field(default_factory=dict)
    goal: int | None = None


def tools(place: PurePosixPath) -> list[Tool]:
    """Return all of them; the first is the highstate.

    Args:
        place: The bench's own directory on the control node.
    """
    packages = f"{place}/peers"
    python = {"PYTHONPATH": packages}
    ansible = python | {
        "ANSIBLE_COLLECTIONS_PATH": packages,
        "ANSIBLE_LOCAL_TEMP": f"{place}/ansible-tmp",
        "ANSIBLE_REMOTE_TMP": f"{SCRATCH}/ansible",
        "ANSIBLE_SSH_ARGS": f"-F {place}/ssh_config -o ControlMaster=auto -o ControlPersist=60s",
        "ANSIBLE_SSH_CONTROL_PATH_DIR": f"{place}/cm",
    }
    mitogen = ansible | {
        "ANSIBLE_STRATEGY_PLUGINS": f"{packages}/ansible_mitogen/plugins/strategy",
        "ANSIBLE_STRATEGY": "mitogen_linear",
    }
    salt = ["salt", "--out=json", "--static", "--timeout=300", "*"]
    playbook = ["/usr/bin/python3", "-m", "ansible", "playbook", "playbook.yml"]
    pyinfra = ["/usr/bin/python3", "-m", "pyinfra", "--json", "-y", "--no-wait", "--sudo"]
    salt_ssh = ["/opt/saltstack/salt/salt-ssh", "--config-dir=.", "--out=json", "--static", "*"]
    return [
        Tool("salt", "Salt's highstate", [*salt, "state.apply"], "", read_salt),
        Tool(
            "floor",
            "as many `test.nop` states",
            [*salt, "state.top", f"{NOP}/top.sls"],
            "",
            read_salt,
        ),
        Tool("ansible", "Ansible", playbook, "ansible", read_ansible, ansible, 10),
        Tool("mitogen", "Ansible with mitogen", playbook, "ansible", read_ansible, mitogen, 3),
        Tool(
            "pyinfra", "pyinfra", [*pyinfra, "inventory.py", "deploy.py"], "pyinfra", read_pyinfra, python, 3
        ),
        Tool("salt-ssh", "salt-ssh", [*salt_ssh, "state.apply"], "salt-ssh", read_salt, {}, 3),
    ]


def files(
    place: PurePosixPath, works: Mapping[str, Work], addresses: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Yield path and text of what the tools need, below the bench's own place on the control node.

    Args:
        place: That place.
        works: Each host's.
        addresses: Each host's.
    """
    yield "ssh_config", ssh_config(place, addresses)
    for path in sorted(HERE.glob("*/*")):
        if path.parent.name in {"ansible", "pyinfra", "remote"} and path.is_file():
            yield str(path.relative_to(HERE)), path.read_text()
    told = {host: told_to(place, host, work) for host, work in works.items()}
    inventory = {"all": {"hosts": {host: {"work": work} for host, work in told.items()}}}
    yield "ansible/inventory.json", json.dumps(inventory)
    ssh = {"ssh_config_file": f"{place}/ssh_config"}
    yield "pyinfra/hosts.json", json.dumps({host: {"work": work} | ssh for host, work in told.items()})
    yield "salt-ssh/master", json.dumps(salt_ssh_config(place, len(works)))
    yield "salt-ssh/roster", json.dumps(roster(place, addresses))
    # Salt's own `creates` would load every state module.
    yield "salt-ssh/states/_states/once.py", (CHECKOUT / "salt/_states/once.py").read_text()
    yield "salt-ssh/states/top.sls", json.dumps({"base": {host: [host] for host in works}})
    for host, work in works.items():
        yield f"salt-ssh/states/{host}.sls", "#!json\n" + json.dumps(states(host, work))


def floor(works: Mapping[str, Work]) -> Iterator[tuple[str, str]]:
    """Yield name and text of the states of the floor."""
    yield "top.sls", json.dumps({"base": {"*": [f"{NOP}.nop"]}})
    counts = json.dumps({host: work.states for host, work in works.items()})
    yield (
        "nop.sls",
        (
            f"{{%- for number in range({counts}[grains['id']]) %}}\n"
            f"{NOP}-{{{{ number }}}}:\n  test.nop\n{{%- endfor %}}\n"
        ),
    )


def ssh_config(place: PurePosixPath, addresses: Mapping[str, str]) -> str:
    """Return the configuration of ssh, of its own clients and of paramiko."""
    hosts = [f"Host {host}\n  HostName {address}\n" for host, address in addresses.items()]
    everywhere = {
        "User": USER,
        "IdentityFile": KEY,
        "IdentitiesOnly": "yes",
        "UserKnownHostsFile": f"{place}/known_hosts",
        "StrictHostKeyChecking": "yes",
        "LogLevel": "ERROR",
    }
    lines = [f"  {name} {value}\n" for name, value in everywhere.items()]
    return "".join([*hosts, "Host *\n", *lines])


def told_to(place: PurePosixPath, host: str, work: Work) -> dict[str, Any]:
    """Return a host's work as Ansible and pyinfra are told it: packages as apt does, files by source."""
    told: dict[str, Any] = {kind: list(work.resources[kind]) for kind in KINDS}
    told["packages"] = ["=".join(filter(None, [p["name"], p["version"]])) for p in told["packages"]]
    told["files"] = [each | {"source": f"{place}/files/{host}{each['name']}"} for each in told["files"]]
    return told


def salt_ssh_config(place: PurePosixPath, hosts: int) -> dict[str, Any]:
    """Return the master configuration of salt-ssh, which shares nothing with the fleet's master."""
    own = {name: f"{place}/salt-ssh/{name}" for name in ("cachedir", "pki_dir", "sock_dir", "log_file")}
    return own | {
        "user": "root",
        "file_roots": {"base": [f"{place}/salt-ssh/states", f"{place}/files"]},
        "ssh_log_file": f"{place}/salt-ssh/ssh_log",
        "known_hosts_file": f"{place}/known_hosts",
        "roster_file": f"{place}/salt-ssh/roster",
        "ssh_max_procs": max(hosts, 25),
        "thin_exclude_saltexts": True,
    }


def roster(place: PurePosixPath, addresses: Mapping[str, str]) -> dict[str, Any]:
    """Return salt-ssh's hosts; their connections are kept as Ansible's are."""
    kept = ["ControlMaster=auto", f"ControlPath={place}/cm/%C", "ControlPersist=60s"]
    common = {
        "user": USER,
        "priv": KEY,
        "sudo": True,
        "identities_only": True,
        "thin_dir": f"{SCRATCH}/salt",
        "ssh_options": [*kept, "StrictHostKeyChecking=yes"],
    }
    return {host: {"host": address} | common for host, address in addresses.items()}


# Salt's words for each kind; packages are one state.
_FUNCTIONS = {
    "groups": "group.present",
    "users": "user.present",
    "directories": "file.directory",
    "files": "file.managed",
    "attributes": "file.managed",
    "absent": "file.absent",
    "sysctls": "sysctl.present",
    "mounts": "mount.mounted",
    "commands": "once.run",
}


def states(host: str, work: Work) -> dict[str, Any]:
    """Return a host's work as states of Salt's, without what only matters when something changes."""
    found: dict[str, Any] = {}

    def add(function: str, arguments: Values) -> None:
        given = [{name: value} for name, value in arguments.items() if value is not None]
        found[f"bench-{len(found)}"] = {function: given}

    if packages := work.resources["packages"]:
        pkgs = [{p["name"]: p["version"]} if p["version"] else p["name"] for p in packages]
        add("pkg.installed", {"pkgs": pkgs, "install_recommends": False})
    for kind, function in _FUNCTIONS.items():
        for each in work.resources[kind]:
            add(function, _arguments(host, kind, each))
    for each in work.resources["services"]:
        function = "service.running" if each["running"] else "service.dead"
        add(function, {"name": each["name"], "enable": each["enabled"]})
    return found


def _arguments(host: str, kind: str, each: Values) -> Values:
    """Return one resource in the words of Salt's state."""
    if kind == "files":
        # A difference would be told, and some of these files are secret.
        return each | {"source": f"salt://{host}{each['name']}", "show_diff": False}
    if kind == "attributes":
        return each | {"replace": False}
    if kind == "users":
        own = {"gid": each["group"], "createhome": each["create_home"], "remove_groups": False}
        return {key: each[key] for key in ("name", "home", "shell", "system", "groups")} | own
    if kind == "sysctls":
        return {"name": each["name"], "value": each["value"], "config": each["file"]}
    if kind == "mounts":
        own = {"fstype": each["type"], "opts": each["options"], "pass_num": int(each["pass_number"])}
        return {"name": each["name"], "device": each["device"]} | own
    if kind == "commands":
        return {"name": each["name"], "makes": each["creates"], "cwd": each["directory"]}
    return each


def read_salt(output: str) -> Counts:
    """Return what ``salt --out=json --static`` says, and salt-ssh."""
    found: Counts = {}
    for host, answer in json.loads(output).items():
        if not isinstance(answer, dict):
            found[host] = (0, [str(answer)])
            continue
        bad = [
            f"{state.get('__id__', name)}: {state.get('comment')} {state.get('changes')}"
            if isinstance(state, dict)
            else f"{name}: {state}"
            for name, state in answer.items()
            if not isinstance(state, dict) or state.get("result") is not True or state.get("changes")
        ]
        found[host] = (len(answer) - len(bad), bad)
    return found


def read_ansible(output: str) -> Counts:
    """Return what the callback ``ansible.posix.json`` says. A loop is one result for each of its items."""
    said = json.loads(output[output.index("{") :])
    good: Counter[str] = Counter()
    bad: dict[str, list[str]] = {host: [] for host in said["stats"]}
    for play in said["plays"]:
        for task in play["tasks"]:
            for host, answer in task["hosts"].items():
                for result in answer.get("results", [] if answer.get("skipped") else [answer]):
                    if any(result.get(key) for key in ("failed", "unreachable", "changed", "skipped")):
                        bad[host].append(f"{task['task']['name']}: {json.dumps(result)[:1000]}")
                    else:
                        good[host] += 1
    return {host: (good[host], found) for host, found in bad.items()}


def read_pyinfra(output: str) -> Counts:
    """Return what ``pyinfra --json`` says; ``success`` are the operations that changed something."""
    results = json.loads(output[output.index("{") :])["results"]
    good: Counter[str] = Counter()
    bad: dict[str, list[str]] = {host: ["it failed"] for host in results["failed_hosts"]}
    for operation in results["operations"]:
        good.update(operation["no_change"])
        for host in [*operation["success"], *operation["error"]]:
            bad.setdefault(host, []).append(f"{operation['name']} {operation['args']}")
    return {host: (good[host], bad.get(host, [])) for host in good.keys() | bad.keys()}
