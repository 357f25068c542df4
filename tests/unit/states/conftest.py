import functools
import os
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest
import salt._logging
import yaml
from compiled import MAPS, Minion, members
from shared import once

# Salt logs to what pytest has closed by the time it exits.
salt._logging.shutdown_temp_handler()

HOSTS = [(host, env) for env, cloud_map in MAPS.items() for _, host, _ in members(cloud_map)]


@pytest.fixture(scope="session")
def everybodys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that all workers of this run have in common."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def local_pillar(everybodys: Path) -> Path:
    """A pillar root with what ``./rehearse`` makes for a machine; the secrets are random."""
    return once(everybodys / "local.made", lambda: _write_pillar(everybodys / "local"))


def _write_pillar(root: Path) -> Path:
    password = secrets.token_urlsafe(24)
    content = {
        "local.sls": {
            "fleet": {"admin_cidrs": ["198.51.100.0/24"]},
            "aws": {"operator_public_key": "/nowhere/operator.pub"},
        },
        "local/app.sls": {"secrets": {"database": {"app_password": password}}},
        "local/database.sls": {"secrets": {"database": {"app_password": password}}},
        # A host asks its metadata service, which is not here.
        **{f"local/{name}.sls": {name: {"s3": s3(name)}} for name in ("loki", "mimir", "tempo")},
    }
    for name, pillar in content.items():
        (root / name).parent.mkdir(exist_ok=True, parents=True)
        (root / name).write_text(yaml.safe_dump(pillar))
    return root


def s3(component: str) -> dict[str, str]:
    return {"bucket": f"saltwatch-{component}-123456789012", "region": "eu-west-1"}


@pytest.fixture(scope="session")
def artifacts(everybodys: Path) -> Path:
    """A file root with the application as the control node's build-app leaves it, its wheels aside."""
    return once(everybodys / "artifacts.made", lambda: _write_artifacts(everybodys / "artifacts"))


def _write_artifacts(root: Path) -> Path:
    (root / "app" / "1.0").mkdir(parents=True)
    (root / "app" / "1.0" / "requirements.txt").write_text("any==1.0 --hash=sha256:00\n")
    (root / "app" / "VERSION").write_text("1.0\n")
    return root


@pytest.fixture(scope="session")
def minion(
    tmp_path_factory: pytest.TempPathFactory, everybodys: Path, local_pillar: Path, artifacts: Path
) -> Callable[..., Minion]:
    """Return a function that returns a minion by id and environment, compiled once in all workers."""
    root_dir = tmp_path_factory.mktemp("salt")

    @functools.cache
    def get(minion_id: str, env: str = "dev", cloud_map: Path | None = None) -> Minion:
        kept = everybodys / "minions" / env / minion_id if cloud_map is None else None
        return Minion(minion_id, env, root_dir, local_pillar, artifacts, cloud_map, kept)

    return get


@pytest.fixture(params=HOSTS, ids="-".join)
def any_minion(request: pytest.FixtureRequest, minion: Callable[..., Minion]) -> Minion:
    """Each host of each environment's map."""
    return minion(*request.param)
