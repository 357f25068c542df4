"""Calls to AWS: bounded in time, counted by outcome, and told apart from the caller's own mistakes."""

import time
from collections.abc import Callable
from threading import Lock
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)
from werkzeug.exceptions import ServiceUnavailable

from saltwatch_app.guard import Guard
from saltwatch_app.settings import Settings

# Is told of each call its service, operation, outcome and seconds.
Observer = Callable[[str, str, str, float], None]

NOT_TRIED = "not_tried"  # as the call before waited in vain
OUTCOMES = (
    *("ok", "throttled", "denied", "refused", "timeout", "unreachable", "no_credentials", "failed"),
    NOT_TRIED,
)
_SILENT = frozenset({"timeout", "unreachable", "no_credentials"})
RETRY_AFTER = 5  # seconds
# Two attempts of both together stay below the 30 seconds that nginx waits.
_BOUNDS = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2})
_THROTTLED = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})


class NotConfigured(ServiceUnavailable):
    """What the request needs was not set up here."""

    def __init__(self, what: str, variable: str) -> None:
        super().__init__(f"no {what} is configured ({variable})")


class Unavailable(ServiceUnavailable):
    """AWS did not do what it was asked to; ``reason`` is the call and AWS's code, with no host or account.

    ``silent``: it was not even refused.
    """

    def __init__(self, service: str, operation: str, reason: str, silent: bool = False) -> None:
        self.reason = f"{service} {operation}: {reason}"
        self.silent = silent
        super().__init__(
            f"AWS did not answer as it should; try again ({self.reason})", retry_after=RETRY_AFTER
        )


class Aws:
    """Calls AWS with the credentials of the host's instance profile, or whatever boto3 finds.

    ``observer`` is set once there are metrics, which need the database, whose account AWS has.
    """

    def __init__(self, settings: Settings) -> None:
        self.observer: Observer | None = None
        self._region = settings.aws_region
        self._clients: dict[str, Any] = {}
        self._guards: dict[str, Guard] = {}
        self._lock = Lock()

    def guard(self, service: str, ping: Callable[[], None]) -> None:
        """Let no call wait in vain after another did, until a question was answered.

        Args:
            service: as boto3 names it.
            ping: the question, a call to it.
        """

        def answers() -> bool:
            try:
                ping()
            except Unavailable as error:
                return not error.silent
            return True

        self._guards[service] = Guard(answers)

    def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Call an operation.

        Args:
            service: as boto3 names it, ``sqs``.
            operation: as AWS names it, ``SendMessage``.
            parameters: as AWS names them.

        Raises:
            Unavailable: there was no answer within the bounds, or AWS refused.
        """
        start = time.perf_counter()
        outcome = "ok"
        guard = self._guards.get(service)
        try:
            if guard and (refusal := guard.refusal()):
                outcome = NOT_TRIED
                raise Unavailable(service, operation, f"not tried: {refusal}", silent=True)
            client = self._client(service)
            method = next(
                name for name, full in client.meta.method_to_api_mapping.items() if full == operation
            )
            answer: dict[str, Any] = getattr(client, method)(**parameters)
            return answer
        except (BotoCoreError, ClientError) as error:
            outcome, reason = _explain(error)
            silent = outcome in _SILENT
            if guard and silent:
                guard.silent(reason)
            raise Unavailable(service, operation, reason, silent) from error
        finally:
            if self.observer:
                self.observer(service, operation, outcome, time.perf_counter() - start)

    def _client(self, service: str) -> Any:
        # Made when first used: each costs time and memory. Making them is not safe among threads; they are.
        with self._lock:
            client = self._clients.get(service)
        if client:
            return client
        session = boto3.session.Session(region_name=self._region)
        if session.get_credentials() is None:  # a client made now would be without them for good
            raise NoCredentialsError
        with self._lock:
            if service not in self._clients:
                self._clients[service] = session.client(service, config=_BOUNDS)
            return self._clients[service]


def _explain(error: BotoCoreError | ClientError) -> tuple[str, str]:
    """Return which of OUTCOMES it is, and what to tell people."""
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code", "unknown"))
        if code in _THROTTLED:
            return "throttled", code
        return ("denied" if code in _DENIED else "refused"), code
    if isinstance(error, (ConnectTimeoutError, ReadTimeoutError)):
        return "timeout", "no answer in time"
    if isinstance(error, EndpointConnectionError):
        return "unreachable", "cannot be reached"
    if isinstance(error, (NoCredentialsError, CredentialRetrievalError)):
        return "no_credentials", "there are no credentials"
    return "failed", type(error).__name__
