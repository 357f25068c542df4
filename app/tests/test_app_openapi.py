"""The API's description: complete, and true of hostile requests too."""

from collections.abc import Iterator

import pytest
import schemathesis
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from openapi_spec_validator import validate
from saltwatch_app import factory, migrate
from saltwatch_app.openapi import PATHS
from saltwatch_app.settings import Settings
from schemathesis import Case, GenerationMode
from sinks import Cloud

EXAMPLES = 25  # requests of each kind to each operation
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory, moto: Cloud) -> Iterator[Flask]:
    """An application that has everything, so that no answer may be a server's error."""
    directory = tmp_path_factory.mktemp("described")
    moto.fill()
    files = {
        "APP_DATABASE_URL": f"sqlite:///{directory}/tasks.db",
        "APP_LOG_FILE": str(directory / "app.json"),
        "APP_BIND": "127.0.0.1:1",  # where nobody listens, for /test-telemetry
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in moto.environ.items():
            patch.setenv(name, value)
        app = factory.create_app(Settings.from_environ(files | moto.variables))
        migrate.upgrade(app.extensions["database"].engine)
        yield app
        app.extensions["database"].engine.dispose()


@pytest.fixture(scope="module")
def schema(described: Flask) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_wsgi("/openapi.json", described)


OPERATIONS = [(path, method) for path, item in PATHS.items() for method in item if method != "parameters"]


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
@pytest.mark.parametrize("mode", GenerationMode)
def test_every_answer_is_as_described(
    schema: schemathesis.BaseSchema, path: str, method: str, mode: GenerationMode
) -> None:
    """No 500 among them, and nothing that is not described; ``negative`` requests break the description.

    Mutants: a check of a field left out; a status left out of the description.
    """
    operation = schema[path][method]

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Case) -> None:
        case.call_and_validate()

    try:
        ask()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE  # nothing can be wrong where nothing is asked for
        assert "requestBody" not in PATHS[path][method]


def test_it_is_valid_and_has_every_route(client: FlaskClient, app: Flask) -> None:
    """Mutant: a path left out of PATHS."""
    document = client.get("/openapi.json").json
    validate(document)
    described = {
        (path.replace("{", "<").replace("}", ">"), method.upper())
        for path, operations in document["paths"].items()
        for method in operations
        if method != "parameters"
    }
    served = {
        (rule.rule, method)
        for rule in app.url_map.iter_rules()
        if rule.endpoint != "static"
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert described == served
