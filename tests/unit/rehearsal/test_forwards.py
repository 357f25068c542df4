"""What `./rehearse` says to open, and how to get in."""

import io
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from rehearsal import forwards, local
from rehearsal.fleet import Fleet
from rehearsal.report import print_urls
from rehearsal.settings import CHECKOUT, Settings

SETTINGS = Settings("nobodys")


def test_every_target_is_a_service_of_its_host() -> None:
    """Mutants: a host that the map has not; Grafana's URL leading to Prometheus' host."""
    fleet = Fleet(CHECKOUT)
    for host, service in forwards.TARGETS.values():
        assert fleet.services[service]["role"] in fleet.roles(host)
        assert host in fleet.hosts


@pytest.mark.parametrize(
    ("hosts", "unavailable", "missing"),
    [
        ({"app-1", "prometheus-1", "grafana-1"}, [], set()),
        ({"app-1", "prometheus-1", "grafana-1"}, ["grafana", "loki"], {"grafana"}),
        ({"app-1", "grafana-1"}, [], {"prometheus", "alertmanager"}),
    ],
    ids=["all are there", "no package of Grafana's", "no such host"],
)
def test_only_what_is_there_is_to_be_opened(
    hosts: set[str], unavailable: list[str], missing: set[str]
) -> None:
    """Each keeps its port all the same. Mutants: either condition left out; ports counted without gaps."""
    found = forwards.urls(SETTINGS, hosts, unavailable)
    expected = {name: f"http://127.0.0.1:{port}/" for name, port in forwards.ports(SETTINGS).items()}
    assert found == {name: url for name, url in expected.items() if name not in missing}


def test_what_cannot_be_had_is_read_from_this_machine_s_pillar(tmp_path: Path) -> None:
    """Mutant: nothing returned, so that the URL of a Grafana is printed that is not there."""
    assert local.unavailable(tmp_path) == []
    path = tmp_path / local.PILLAR
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump({"fleet": {"unavailable": ["mimir"]}}))
    assert local.unavailable(tmp_path) == ["mimir"]


def test_where_a_password_is_asked_for_is_said_where_it_is() -> None:
    """Whole, in a narrow terminal too. Mutants: said of the application; cut or broken at 80 columns."""
    console = Console(file=io.StringIO(), width=60)
    print_urls(console, {"application": "http://127.0.0.1:1/", "grafana": "http://127.0.0.1:2/"})
    application, grafana, login = console.file.getvalue().splitlines()
    assert application.split() == ["application", "http://127.0.0.1:1/"]
    assert grafana.split() == ["grafana", "http://127.0.0.1:2/"]
    assert "./rehearse ssh grafana-1 sudo cat /etc/grafana/admin-password" in login
