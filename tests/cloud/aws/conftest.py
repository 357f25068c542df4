from collections.abc import Iterator

import pytest
from aws_account import DEPLOYMENT, LOGS, PARTS, Account, empty_account


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account for a module's tests, empty at first, of an operator of dev."""
    with empty_account(tmp_path_factory.mktemp("operator")) as made:
        yield made


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """The same, of an operator who has switched everything on that can be removed again."""
    with empty_account(
        tmp_path_factory.mktemp("operator"), parts=PARTS, deployment=DEPLOYMENT, logs=LOGS
    ) as made:
        yield made
