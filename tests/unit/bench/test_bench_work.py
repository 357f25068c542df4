"""The work that peers are told, from low state."""

from pathlib import Path

import pytest

from bench.highstate.work import KEPT, Work, translate

ROOT = Path(__file__).parents[3]


def state(function: str, **arguments: object) -> dict[str, object]:
    """A state of low state."""
    module, name = function.split(".")
    return {"state": module, "fun": name, "name": "it", "__id__": "id", **arguments}


def test_packages_are_one_list_without_repetitions():
    """Mutants: a package twice; a version lost, or replaced by none; one result for each package."""
    work = translate(
        [
            state("pkg.installed", pkgs=["curl", {"alloy": "1.9.2"}]),
            state("pkg.installed", pkgs=["alloy", "nginx"]),
        ]
    )
    assert work.resources["packages"] == [
        {"name": "curl", "version": None},
        {"name": "alloy", "version": "1.9.2"},
        {"name": "nginx", "version": None},
    ]
    assert work.count == 1
    assert work.told == {"pkg.installed": 2}


def test_a_file_whose_content_is_others_has_owner_and_mode_only():
    """Mutant: it is given a content."""
    work = translate(
        [
            state("file.managed", name="/etc/a", user="root", group="root", mode="0644", contents="a"),
            state("file.managed", name="/var/log/b", group="adm", mode="0640", replace=False),
        ]
    )
    assert work.resources["files"] == [{"name": "/etc/a", "user": "root", "group": "root", "mode": "0644"}]
    assert work.resources["attributes"] == [
        {"name": "/var/log/b", "user": None, "group": "adm", "mode": "0640"}
    ]


def test_a_service_of_two_states_is_one_resource():
    """Mutant: the second state's missing `enable` takes away the first one's."""
    work = translate(
        [
            state("service.running", name="nginx", enable=True),
            state("service.running", name="nginx", reload=True),
        ]
    )
    assert work.resources["services"] == [{"name": "nginx", "running": True, "enabled": True}]
    assert work.told["service.running"] == 2
    assert work.count == 1


def test_what_runs_on_changes_only_is_no_work_of_anybodys():
    """Mutants: it is translated, or counted as left out in the peers' favour."""
    work = translate(
        [state("cmd.run", onchanges=[{"file": "a"}]), state("module.run", onchanges=[{"file": "a"}])]
    )
    assert work.handlers == 2
    assert work.count == 0
    assert not work.left_out


@pytest.mark.parametrize("function", ["app_release.installed", "file.recurse", "cmd.run"])
def test_what_peers_are_not_told_is_counted(function: str):
    """Mutant: dropped without a trace."""
    work = translate([state(function)])
    assert work.left_out == {function: 1}
    assert work.count == 0
    assert work.states == 1


def test_a_command_is_told_if_it_makes_a_file():
    """Mutant: one that asks another command is told as if it always had to run."""
    work = translate([state("once.run", name="make", makes="/made"), state("once.run", name="b", until="c")])
    assert work.resources["commands"] == [{"name": "make", "creates": "/made", "directory": None}]
    assert work.left_out == {"once.run": 1}


@pytest.mark.parametrize(
    ("given", "kind", "expected"),
    [
        (
            state(
                "user.present",
                name="app",
                system=True,
                createhome=False,
                home="/nonexistent",
                shell="/bin/false",
            ),
            "users",
            {
                "home": "/nonexistent",
                "shell": "/bin/false",
                "system": True,
                "create_home": False,
                "group": None,
            },
        ),
        (
            state("user.present", name="op", gid="admins"),
            "users",
            {"group": "admins", "system": False, "create_home": True, "groups": None},
        ),
        (state("group.present", name="admins", system=True), "groups", {"system": True}),
        (state("file.directory", name="/d", dir_mode="0750"), "directories", {"mode": "0750"}),
        (
            state("sysctl.present", name="net.a", value=0, config="/f"),
            "sysctls",
            {"value": "0", "file": "/f"},
        ),
        (
            state("mount.mounted", name="/m", device="/dev/x", fstype="ext4", opts=["noatime"], pass_num=2),
            "mounts",
            {"device": "/dev/x", "type": "ext4", "options": ["noatime"], "pass_number": "2"},
        ),
        (state("service.dead", name="t", enable=False), "services", {"running": False, "enabled": False}),
        (state("file.absent", name="/gone"), "absent", {"name": "/gone"}),
    ],
)
def test_arguments_keep_their_meaning(given: dict[str, object], kind: str, expected: dict[str, object]):
    """Mutants: a default of Salt's taken for the opposite; a directory's mode by its other name lost."""
    (found,) = translate([given]).resources[kind]
    assert expected.items() <= found.items()


def test_no_argument_that_may_be_a_secret_leaves_a_host():
    """Mutant: `contents` or `password` among those that are kept."""
    assert not {"contents", "password", "source", "context", "text", "pillar", "secret"} & set(KEPT)


def test_nothing_is_no_work():
    """Mutant: the packages of a host without any are a result."""
    assert (Work().count, Work().states) == (0, 0)
