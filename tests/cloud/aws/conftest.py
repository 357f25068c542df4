from collections.abc import Iterator

import pytest
from aws_account import Account, empty_account


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account for a module's tests, empty at first."""
    with empty_account(tmp_path_factory.mktemp("operator")) as made:
        yield made
