"""salt-cloud on the control node when something goes wrong: no second fleet, and the next run mends it."""

import subprocess
import threading
import time

import catalogue
import pytest
import remote
import saltcloud
from highstate import apply, changes

from rehearsal.region.client import Region

pytestmark = pytest.mark.region
MAP = ("-m", "cloud.map", "-P")


@pytest.mark.drift
@pytest.mark.alone  # other tests list as well
def test_a_failing_listing_launches_no_second_fleet(region: Region) -> None:
    """Mutant: a listing that fails taken for an empty one, as by the driver that Salt 3007 had."""
    before = saltcloud.instances()
    refused = {"effect": "error", "code": "UnauthorizedOperation", "status": 403, "times": None}
    region.set_faults({"service": "ec2", "action": "DescribeInstances", **refused})
    code, told = saltcloud.run(*MAP)
    region.set_faults()
    assert code != 0
    assert "UnauthorizedOperation" in told
    assert saltcloud.instances() == before


def test_a_map_run_on_a_complete_fleet_launches_nothing() -> None:
    """Mutant: hosts known by another name than their tag."""
    before = saltcloud.instances()
    assert saltcloud.run(*MAP)[0] == 0
    assert saltcloud.instances() == before


def _cut_off(name: str, old: str) -> None:
    """Take the network from a host as soon as it is launched, for as long as it lives."""
    deadline = time.monotonic() + 120
    done = False
    while not done:
        assert time.monotonic() < deadline, f"{name} has no network to be taken"
        time.sleep(0.2)
        found = saltcloud.instances().get(name, old)
        command = ["ip", "-n", f"{remote.PREFIX}-{found}", "link", "set", "eth0", "down"]
        done = found != old and subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.long
@pytest.mark.alone
def test_a_host_that_never_comes_up_is_told_and_replaced() -> None:
    """The others go on. Mutants: an endless wait for SSH; exit code 0; the dead one taken for complete."""
    hosts = {catalogue.host_of("loki"), dead := catalogue.host_of("tempo")}
    (alive,) = hosts - {dead}
    before = saltcloud.instances()
    assert saltcloud.run("-d", *hosts)[0] == 0
    cutter = threading.Thread(target=_cut_off, args=(dead, before[dead]))
    cutter.start()
    code, told = saltcloud.run(*MAP)
    cutter.join()
    assert code != 0
    assert dead in told and "was kept to be looked at; the next run replaces it" in told
    assert remote.salt(alive, "test.ping") == {alive: True}
    unreached = saltcloud.instances()
    assert set(unreached) == set(before)

    assert saltcloud.run(*MAP)[0] == 0
    after = saltcloud.instances()
    assert set(after) == set(before)
    assert {name for name in after if after[name] != unreached[name]} == {dead}
    saltcloud.write_ssh_files()
    assert remote.salt("*", "test.ping") == dict.fromkeys(catalogue.hosts(), True)
    remote.salt("*", "state.apply")  # a new host lets the operator in only then
    assert changes(apply()) == {}
