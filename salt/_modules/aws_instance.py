"""What EC2 tells an instance about itself (IMDSv2)."""

import json
import urllib.error
import urllib.request
from typing import Any

from salt.exceptions import CommandExecutionError

URL = "http://169.254.169.254/latest"
SECONDS = 5  # that the metadata service has to answer


def identity(url: str = URL) -> dict[str, Any]:
    """Return the instance identity document: ``accountId``, ``region`` and so on.

    Source: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/retrieve-iid.html

    Args:
        url: where the metadata service is.

    Raises:
        CommandExecutionError: this is no EC2 instance, or its metadata service is closed to it.
    """
    try:
        token = _ask(f"{url}/api/token", "PUT", {"X-aws-ec2-metadata-token-ttl-seconds": "60"})
        headers = {"X-aws-ec2-metadata-token": token}
        document: dict[str, Any] = json.loads(
            _ask(f"{url}/dynamic/instance-identity/document", "GET", headers)
        )
    except (urllib.error.URLError, TimeoutError, ValueError) as error:
        raise CommandExecutionError(f"{url}: the instance's identity cannot be had: {error}") from error
    return document


def _ask(url: str, method: str, headers: dict[str, str]) -> str:
    request = urllib.request.Request(url, method=method, headers=headers)  # noqa: S310 - a constant address
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
        return str(answer.read().decode())
