"""What the first rehearsal writes into the checkout."""

from pathlib import Path

import pytest
import yaml

from rehearsal import local
from rehearsal.operator import Operator
from rehearsal.progress import StepError
from rehearsal.settings import Settings


@pytest.fixture
def operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Operator:
    monkeypatch.setattr(Settings, "operator_home", tmp_path / "home")
    operator = Operator(Settings())
    operator.prepare()
    return operator


def read(checkout: Path, file: Path = local.PILLAR) -> dict:
    return yaml.safe_load((checkout / file).read_text())


def test_what_every_host_gets_has_no_secret(tmp_path: Path, operator: Operator) -> None:
    """Mutant: a generated password in local.sls, as there once was."""
    local.write(tmp_path, operator, [])
    assert "secrets" not in read(tmp_path)
    assert (tmp_path / local.PILLAR).stat().st_mode & 0o777 == 0o600


def test_a_hand_written_key_stays(tmp_path: Path, operator: Operator) -> None:
    """Mutant: write without reading what is there."""
    path = tmp_path / local.PILLAR
    path.parent.mkdir(parents=True)
    path.write_text("grafana: {theme: dark}\n")
    local.write(tmp_path, operator, [])
    assert read(tmp_path)["grafana"] == {"theme": "dark"}


def test_only_the_operator_is_told_the_load_balancers_domain(tmp_path: Path, operator: Operator) -> None:
    """Mutants: told to every host; written over what a person wrote; written where there is no balancer."""
    written = Path("pillar/local/local/operator.sls")
    local.write(tmp_path, operator, [])
    assert not (tmp_path / written).exists()
    local.write(tmp_path, operator, [], domain="www.one.example")
    local.write(tmp_path, operator, [], domain="www.two.example")
    assert read(tmp_path, written) == {"aws": {"load_balancer": {"domain": "www.one.example"}}}
    assert "load_balancer" not in read(tmp_path)["aws"]


def test_a_broken_file_is_named_and_not_overwritten(tmp_path: Path, operator: Operator) -> None:
    """Mutant: treat a file that is not YAML as an empty one."""
    path = tmp_path / local.PILLAR
    path.parent.mkdir(parents=True)
    path.write_text("secrets: [unclosed\n")
    with pytest.raises(StepError, match=r"local\.sls"):
        local.write(tmp_path, operator, [])
    assert path.read_text() == "secrets: [unclosed\n"


def test_the_operator_sees_none_of_the_machine_s_credentials(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutant: start from os.environ."""
    for name in (
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_PROFILE",
        "AWS_ROLE_ARN",
    ):
        monkeypatch.setenv(name, "the machine's")
    environment = operator.environment()
    assert "the machine's" not in environment.values()
    assert environment["HOME"] == str(operator.home)


def test_hosts_that_are_containers_have_wireguard_in_user_space(tmp_path: Path, operator: Operator) -> None:
    """And peers that a person has added stay. Mutant: the file written without reading what is there."""
    path = tmp_path / local.ROLE_PILLARS / "master.sls"
    path.parent.mkdir(parents=True)
    path.write_text("wireguard: {peers: {ann: {address: 10.99.0.2}}}\n")
    local.write(tmp_path, operator, [])
    wireguard = read(tmp_path, local.ROLE_PILLARS / "master.sls")["wireguard"]
    assert wireguard == {"implementation": "userspace", "peers": {"ann": {"address": "10.99.0.2"}}}
