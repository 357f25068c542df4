"""One configured provider: its settings, its clients, its shared state."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import botocore.config
import botocore.credentials
import botocore.session

from .denials import explain_denials
from .state import State

METADATA_TIMEOUT = 5  # seconds
METADATA_ATTEMPTS = 5
DEFAULT_REGION = "us-east-1"
USE_ROLE = "use-instance-role-credentials"
# Seconds; a dead endpoint is noticed, a busy one is not given up.
CONNECT_TIMEOUT = 10
READ_TIMEOUT = 70


# What botocore reads to make a client of EC2: 20 MB and a third of a second, in each process that reads it.
_DESCRIPTIONS = ("service-2", "endpoint-rule-set-1", "paginators-1")


@functools.cache
def loader() -> Any:
    """Return botocore's loader of AWS's descriptions of its services, one for this process and its forks."""
    return botocore.session.get_session().get_component("data_loader")


def read_descriptions() -> None:
    """Read EC2's descriptions now: the members of a map, which are forked later, find them in memory."""
    for kind in _DESCRIPTIONS:
        loader().load_service_model("ec2", kind)
    for shared in ("partitions", "endpoints", "sdk-default-configuration", "_retry"):
        loader().load_data(shared)


# Each function of the driver makes a Provider of its own, and a client takes 40 ms to make.
_clients: dict[tuple[Any, ...], Any] = {}
_sessions: dict[tuple[Any, ...], Any] = {}


def _core_session() -> botocore.session.Session:
    core = botocore.session.get_session()
    core.register_component("data_loader", loader())
    return core


@dataclass(frozen=True)
class Provider:
    """An entry of ``cloud.providers``.

    Args:
        alias: Its name there.
        settings: What it says.
        opts: salt-cloud's whole configuration.
    """

    alias: str
    settings: Mapping[str, Any]
    opts: Mapping[str, Any]

    @property
    def region(self) -> str:
        """The region: salt-cloud's -L, the provider's ``location``, boto3's own, or us-east-1."""
        named = self.opts.get("location") or self.settings.get("location")
        return str(named or boto3.session.Session().region_name or DEFAULT_REGION)

    @functools.cached_property
    def state(self) -> State:
        """What its processes share, one directory a provider and region."""
        return State(Path(self.opts["cachedir"]) / "ec2" / f"{self.alias}-{self.region}")

    @functools.cached_property
    def _identity(self) -> tuple[Any, ...]:
        """What makes its clients other than another provider's; to ask boto3 for its region takes long."""
        return self.opts.get("location"), repr(sorted(self.settings.items()))

    def client(self, service: str = "ec2", *, retries: int = 8) -> Any:
        """Return a boto3 client: this process's, since clients do not survive a fork.

        Args:
            service: AWS's name of it.
            retries: How often botocore may try in all (its standard mode: backoff with jitter, throttling
                and 5xx answers included). 1 where the caller does that itself.
        """
        owner = (os.getpid(), *self._identity)
        key = (*owner, service, retries)
        if key not in _clients:
            if owner not in _sessions:
                _sessions[owner] = self._session()
            _clients[key] = client = _sessions[owner].client(
                service,
                endpoint_url=self.endpoint(service),
                config=botocore.config.Config(
                    retries={"mode": "standard", "total_max_attempts": retries},
                    connect_timeout=CONNECT_TIMEOUT,
                    read_timeout=READ_TIMEOUT,
                    user_agent_extra="salt-cloud-ec2",
                ),
            )
            if service == "ec2":
                explain_denials(client, lambda: self.client("sts"))
        return _clients[key]

    def endpoint(self, service: str) -> str | None:
        """Return the URL of a service's endpoint, where the provider sets one.

        ``endpoint_url`` (or the old ``endpoint``, a bare host) is EC2's; ``service_url`` is a domain in which
        every service is found as ``<service>.<region>.<domain>``. Otherwise AWS's own, or AWS_ENDPOINT_URL.
        """
        url = self.settings.get("endpoint_url") or self.settings.get("endpoint")
        if url and service == "ec2":
            return str(url) if "://" in str(url) else f"https://{url}"
        domain = self.settings.get("service_url")
        if domain and domain != "amazonaws.com":
            return f"https://{service}.{self.region}.{domain}"
        return None

    def pages(self, operation: str, key: str, **request: Any) -> list[dict[str, Any]]:
        """Return every item of all pages of an EC2 listing.

        Args:
            operation: boto3's name of it, as in ``describe_volumes``.
            key: Where a page has its items.
            request: The operation's parameters.
        """
        client = self.client()
        if not client.can_paginate(operation):
            return list(getattr(client, operation)(**request)[key])
        return [item for page in client.get_paginator(operation).paginate(**request) for item in page[key]]

    def _session(self) -> boto3.session.Session:
        identity, secret = self.settings.get("id"), self.settings.get("key")
        keys: dict[str, Any] = {}
        if identity and secret and USE_ROLE not in (identity, secret):
            keys = {"aws_access_key_id": identity, "aws_secret_access_key": secret}
            if self.settings.get("token"):
                keys["aws_session_token"] = self.settings["token"]
        core = _core_session()
        # A map run's members ask the metadata service all at once; botocore's own patience is 1 s, once.
        core.set_config_variable("metadata_service_timeout", METADATA_TIMEOUT)
        core.set_config_variable("metadata_service_num_attempts", METADATA_ATTEMPTS)
        session = boto3.session.Session(region_name=self.region, botocore_session=core, **keys)
        role = self.settings.get("role_arn")
        if not role:
            return session
        more = {"RoleSessionName": self.settings.get("role_session_name") or "salt-cloud"}
        if self.settings.get("external_id"):
            more["ExternalId"] = self.settings["external_id"]
        # Renewed by botocore before they expire: a map run may take longer than an hour.
        fetcher = botocore.credentials.AssumeRoleCredentialFetcher(
            client_creator=functools.partial(session.client, endpoint_url=self.endpoint("sts")),
            source_credentials=session.get_credentials(),
            role_arn=str(role),
            extra_args=more,
        )
        assumed = _core_session()
        assumed._credentials = botocore.credentials.DeferredRefreshableCredentials(
            method="assume-role", refresh_using=fetcher.fetch_credentials
        )
        return boto3.session.Session(region_name=self.region, botocore_session=assumed)
