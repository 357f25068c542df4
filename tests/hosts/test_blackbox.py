"""The Blackbox Exporter on its host: what it may do, and that its probes leave no trace worth a line."""

from collections.abc import Callable

import catalogue
import remote
from prometheus import Prometheus

HOST = catalogue.host_of("blackbox_exporter")
UNIT = catalogue.unit("blackbox", catalogue.fleet()["services"]["blackbox"])
CAP_NET_RAW = 1 << 13  # capabilities(7); the bit: linux/capability.h


def test_its_process_may_open_raw_sockets_and_nothing_more() -> None:
    """Mutants: `CapabilityBoundingSet` left out of its drop-in; CAP_NET_ADMIN beside it."""
    pid = remote.run(HOST, "systemctl", "show", "--property=MainPID", "--value", UNIT).strip()
    status = remote.run(HOST, "cat", f"/proc/{pid}/status").splitlines()
    sets = {line.partition(":")[0]: line.split()[1] for line in status if line.startswith("Cap")}
    assert {name: int(value, 16) for name, value in sets.items()} == dict.fromkeys(
        ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"), CAP_NET_RAW
    )
    assert "0" not in next(line for line in status if line.startswith("Uid:")).split()


def test_probes_that_go_well_are_not_logged(prometheus: Prometheus, real: Callable[[str], None]) -> None:
    """By neither side. Mutants: `--log.prober` left out; `LogFilterPatterns` left out of MariaDB's unit."""
    real("database")
    assert prometheus.query('probe_success{service="database"} == 1')
    database = catalogue.host_of("database")
    count = "SHOW GLOBAL STATUS LIKE 'Aborted_connects_preauth'"
    _, seen = remote.run(database, "mariadb", "--skip-column-names", "--execute", count).split()
    assert int(seen) > 0, "MariaDB does not notice probes"
    assert "without authentication" not in _lines(database, "mariadb.service")
    assert not [
        line for line in _lines(HOST, UNIT).splitlines() if "level=INFO" in line and "module=" in line
    ]


def _lines(host: str, unit: str) -> str:
    """Return what a unit has logged during the last three probes."""
    return remote.run(host, "journalctl", f"--unit={unit}", "--since=-45s", "--output=cat")
