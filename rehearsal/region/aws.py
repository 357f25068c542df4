"""boto3 clients of this region's own API, without sockets, faults or the machine's AWS configuration."""

import functools
import io
import os
from collections.abc import Callable, Iterator
from email.message import Message
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HeadersDict
from botocore.config import Config

from rehearsal.region.calls import Call
from rehearsal.region.http import Request, Response

Perform = Callable[[Call, Request], Response]


class _Raw(io.BytesIO):
    """A body as urllib3 hands it over."""

    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.read()


def forget_machine() -> None:
    """Take the machine's AWS settings out of this process: no credentials, no endpoints."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            del os.environ[name]
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        os.environ[name] = os.devnull
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"


@functools.cache
def _session(region: str) -> Any:
    """Return the one session of a region: EC2's model takes a second to load."""
    word = "region"
    return boto3.Session(aws_access_key_id=word, aws_secret_access_key=word, region_name=region)


def client(service: str, region: str, perform: Perform) -> Any:
    """Return a boto3 client whose requests ``perform`` answers, and nothing else ever sees."""
    config = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
    made = _session(region).client(service, config=config)

    def send(request: AWSPreparedRequest, event_name: str, **_: object) -> AWSResponse:
        headers_type: Any = HeadersDict  # which is what botocore itself passes
        url = urlsplit(request.url)
        headers = Message()
        headers["Host"] = url.netloc
        for name, value in request.headers.items():
            headers[name] = value.decode() if isinstance(value, bytes) else str(value)
        body: Any = request.body or b""
        if hasattr(body, "read"):
            body = body.read()
        data = body.encode() if isinstance(body, str) else bytes(body)
        target = url.path + (f"?{url.query}" if url.query else "")
        call = Call(service, event_name.rpartition(".")[2], region)
        answer = perform(call, Request(request.method, target or "/", headers, data))
        return AWSResponse(request.url, answer.status, headers_type(answer.headers), _Raw(answer.body))

    made.meta.events.register("before-send", send)
    return made
