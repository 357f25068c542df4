"""Client tokens: a repeated call is answered, not performed, again.

https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html. On AWS a token of RunInstances stays
valid for at least a day after the instance's termination; here none expires.
"""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from moto.ec2.exceptions import EC2ClientError

Answer = tuple[int, dict[str, Any], Any]  # status, headers, body, as moto's responses return them

# Parameters that may differ between a call and its repetition.
_NOT_COMPARED = ("ClientToken", "DryRun")


class Tokens:
    """The answers given to calls that carried a ClientToken."""

    def __init__(self) -> None:
        self._given: dict[tuple[str, str, str], tuple[str, Answer]] = {}

    def answer(
        self, region: str, action: str, parameters: dict[str, Any], perform: Callable[[], Answer]
    ) -> Answer:
        """Return the answer to a call, performing it if its token is new. Only successes are kept.

        Raises:
            EC2ClientError: IdempotentParameterMismatch, the token was used with other parameters.
        """
        key = (region, action, parameters["ClientToken"])
        compared = {name: value for name, value in parameters.items() if name not in _NOT_COMPARED}
        text = json.dumps(compared, sort_keys=True, default=str)
        digest = hashlib.sha256(text.encode()).hexdigest()
        if key in self._given:
            known, answer = self._given[key]
            if known != digest:
                raise EC2ClientError(
                    "IdempotentParameterMismatch",
                    "Arguments on this idempotent request are inconsistent with arguments used in previous "
                    "request(s).",
                )
            return answer
        answer = perform()
        if answer[0] < 300:
            self._given[key] = (digest, answer)
        return answer
