"""Which call of which AWS service a request is."""

import re
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import unquote, urlsplit

from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import (
    PRESERVED_HEADER_NAMES_ENVIRON_KEY,
    determine_request_protocol,
    environ_key_for_header,
    should_preserve_original_header_name,
)
from moto.core.request import Request as MotoRequest
from moto.core.responses import get_service_model
from moto.core.routing import get_service_router

from rehearsal.region.http import Request

# Names that services sign with, where botocore's name of the service is another.
MODEL_NAMES = {"monitoring": "cloudwatch", "elasticloadbalancing": "elbv2", "states": "stepfunctions"}
_READS = re.compile(
    r"(BatchGet|Check|Describe|Filter|Get|Head|List|Lookup|Query|Scan|Search|Select|Simulate|Test|Validate)"
)
_KEY = re.compile(r"Credential=(?P<key>[^/]*)/")
_SIGNED = re.compile(r"Credential=[^/]*/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")
_REGION = r"[a-z]{2}-[a-z]+-\d"
_HOST = re.compile(
    rf"(?:.+\.)?(?P<service>(?!{_REGION}\.)[a-z0-9-]+)(?:\.(?P<region>{_REGION}))?\.amazonaws\.com"
)


@dataclass(frozen=True)
class Call:
    """One call of AWS's API: ``service`` is the name it is signed for, ``action`` the operation's name."""

    service: str
    action: str
    region: str

    @property
    def mutating(self) -> bool:
        """Return False if by its name the call can change nothing that must survive a restart."""
        return not _READS.match(self.action)


def environ(request: Request) -> dict[str, Any]:
    """Return ``request`` as a WSGI environment, the way moto's own server hands it over."""
    path, _, query = request.target.partition("?")
    if not path.startswith("/"):  # absolute form, as sent to proxies
        path = urlsplit(path).path or "/"
    host = request.headers.get("Host", "")
    result: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(path, "latin-1"),
        "QUERY_STRING": query,
        "REQUEST_URI": request.target,
        "RAW_URI": request.target,
        "SERVER_NAME": host.partition(":")[0],
        "SERVER_PORT": host.partition(":")[2] or "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": request.peer[0] if request.peer else "127.0.0.1",
        "CONTENT_LENGTH": str(len(request.body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.input": BytesIO(request.body),
        "wsgi.input_terminated": True,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    preserved = {}
    for name, value in request.headers.items():
        key = environ_key_for_header(name)
        # The body has been read: neither its original framing nor an expectation applies any more.
        if key in ("CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING", "HTTP_EXPECT"):
            continue
        if "_" in name:
            if not should_preserve_original_header_name(name):
                continue  # could pass for the header with dashes
            preserved[key] = name
        result[key] = f"{result[key]},{value}" if key in result else value
    result[PRESERVED_HEADER_NAMES_ENVIRON_KEY] = preserved
    return result


def _credential(request: Request) -> str:
    """Return the text that has the credential's scope, of the header or of a presigned URL."""
    signed = unquote(request.query).replace("X-Amz-Credential=", "Credential=")
    return request.headers.get("Authorization", "") or signed


def access_key(request: Request) -> str:
    """Return the id of the access key that a request is signed with; empty if it is not."""
    match = _KEY.search(_credential(request))
    return match["key"] if match else ""


def _signed_for(request: Request) -> tuple[str, str]:
    if match := _SIGNED.search(_credential(request)):
        return match["service"], match["region"]
    if match := _HOST.fullmatch(request.headers.get("Host", "").partition(":")[0]):
        return match["service"], match["region"] or "us-east-1"
    return "s3", "us-east-1"  # anonymous requests under a name of one's own are for buckets


def identify(request: Request) -> Call:
    """Return the call that ``request`` makes.

    The service is taken from the signature's scope, or else from the host name; the operation is found by
    botocore's model of the service. One that the model does not know is named after its HTTP method.
    """
    service, region = _signed_for(request)
    try:
        router = get_service_router(MODEL_NAMES.get(service, service))
        operation, _ = router.match(MotoRequest(environ(request)))
    except Exception:  # no such service or operation: each has an exception of its own
        return Call(service, request.method.capitalize(), region)  # Get and Head count as reads
    return Call(service, operation.name, region)


def parameters(call: Call, request: Request) -> dict[str, Any]:
    """Return what a call is given, by the names of botocore's model of the service."""
    name = MODEL_NAMES.get(call.service, call.service)
    model, made = get_service_model(name), MotoRequest(environ(request))
    _, in_path = get_service_router(name).match(made)
    parser = PROTOCOL_PARSERS[determine_request_protocol(model, made.content_type)]
    parsed: dict[str, Any] = parser(model.operation_model(call.action)).parse(
        {
            "method": made.method,
            "values": made.values,
            "headers": made.headers,
            "body": made.data,
            "url_path": made.path,
            "url_params": in_path,
        }
    )
    return parsed
