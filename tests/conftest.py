from collections.abc import Iterator
from typing import Any

import pytest
from botocore.client import ClientCreator


@pytest.fixture(autouse=True, scope="session")
def _one_class_a_service() -> Iterator[None]:
    """boto3 makes a class of hundreds of methods for each client; one is enough for all of a service."""
    make = ClientCreator._create_client_class
    made: dict[str, type] = {}

    def once(creator: ClientCreator, service: str, model: Any) -> type:
        if service not in made:
            made[service] = make(creator, service, model)
        return made[service]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ClientCreator, "_create_client_class", once)
        yield
