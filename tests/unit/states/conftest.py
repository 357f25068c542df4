import secrets
from collections.abc import Callable
from pathlib import Path

import pytest
import salt._logging
import yaml
from compiled import MAPS, Minion, members

# Salt logs to what pytest has closed by the time it exits.
salt._logging.shutdown_temp_handler()

HOSTS = [(host, env) for env, cloud_map in MAPS.items() for _, host, _ in members(cloud_map)]


@pytest.fixture(scope="session")
def local_pillar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pillar root with what ``./rehearse`` makes for a machine; the secrets are random."""
    root = tmp_path_factory.mktemp("local")
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
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(yaml.safe_dump(pillar))
    return root


def s3(component: str) -> dict[str, str]:
    return {"bucket": f"saltwatch-{component}-123456789012", "region": "eu-west-1"}


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file root with the application as the control node's build-app leaves it, its wheels aside."""
    root = tmp_path_factory.mktemp("artifacts")
    (root / "app" / "1.0").mkdir(parents=True)
    (root / "app" / "1.0" / "requirements.txt").write_text("any==1.0 --hash=sha256:00\n")
    (root / "app" / "VERSION").write_text("1.0\n")
    return root


@pytest.fixture(scope="session")
def minion(
    tmp_path_factory: pytest.TempPathFactory, local_pillar: Path, artifacts: Path
) -> Callable[..., Minion]:
    """Return a function that returns a minion by id and environment, compiled once."""
    cache: dict[tuple[str, str, Path | None], Minion] = {}
    root_dir = tmp_path_factory.mktemp("salt")

    def get(minion_id: str, env: str = "dev", cloud_map: Path | None = None) -> Minion:
        key = minion_id, env, cloud_map
        if key not in cache:
            cache[key] = Minion(minion_id, env, root_dir, local_pillar, artifacts, cloud_map)
        return cache[key]

    return get


@pytest.fixture(params=HOSTS, ids="-".join)
def any_minion(request: pytest.FixtureRequest, minion: Callable[..., Minion]) -> Minion:
    """Each host of each environment's map."""
    return minion(*request.param)
