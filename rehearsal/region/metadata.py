"""The instance metadata service, https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-categories.html.

Who asks is told by the source address of the connection, as on AWS: no host can ask for another.
"""

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from rehearsal.region.http import Request, Response
from rehearsal.region.instances import Instances

VERSIONS = ("2009-04-04", "2016-09-02", "2018-09-24", "2020-10-27", "2021-03-23", "2021-07-15", "latest")
LONGEST_TTL = 21600  # seconds a token may live
_TOKEN = "X-aws-ec2-metadata-token"  # noqa: S105, a header's name
_TTL = "X-aws-ec2-metadata-token-ttl-seconds"

# Leaves are text or bytes, or functions that make them when asked; mappings are directories.
Leaf = str | bytes | Callable[[], str]
Tree = Mapping[str, Any]


def find(tree: Tree, path: str) -> bytes | None:
    """Return the content at ``path``: a leaf, or a directory's listing; None if there is nothing.

    Directories are listed with a slash behind their names, but for the ``0=name`` of public keys, which is
    opened as ``0``.
    """
    node: Any = tree
    for part in (part for part in path.split("/") if part):
        if not isinstance(node, Mapping):
            return None
        node = next((value for key, value in node.items() if part in (key, key.partition("=")[0])), None)
    if isinstance(node, Mapping):
        return "\n".join(
            name + ("/" if isinstance(value, Mapping) and "=" not in name else "")
            for name, value in node.items()
        ).encode()
    if callable(node):
        node = node()
    return node.encode() if isinstance(node, str) else node


class Sessions:
    """The tokens handed out, each for one instance and a time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens: dict[str, tuple[str, float]] = {}

    def open(self, instance_id: str, ttl: int) -> str:
        """Return a new token for ``instance_id``, valid for ``ttl`` seconds."""
        token = secrets.token_urlsafe(42)
        now = self._clock()
        with self._lock:
            self._tokens = {key: value for key, value in self._tokens.items() if value[1] > now}
            self._tokens[token] = (instance_id, now + ttl)
        return token

    def valid(self, token: str, instance_id: str) -> bool:
        """Return whether ``token`` was handed to ``instance_id`` and has not expired."""
        with self._lock:
            owner, expires = self._tokens.get(token, ("", 0.0))
        return owner == instance_id and expires > self._clock()


def _refusal(status: int, title: str) -> Response:
    text = f"{status} - {title}"
    body = f"<html><head><title>{text}</title></head><body><h1>{text}</h1></body></html>\n"
    return Response(status, body.encode(), [("Content-Type", "text/html")])


class Metadata:
    """The service as an application for `rehearsal.region.http.HttpServer`."""

    def __init__(
        self,
        instances: Instances,
        tree: Callable[[dict[str, Any]], Tree],
        sessions: Sessions | None = None,
    ):
        """Serve ``tree`` of the instance that asks, a directory with ``meta-data``, ``dynamic`` and so on."""
        self._instances = instances
        self._tree = tree
        self._sessions = sessions or Sessions()

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        instance = self._instances.by_address(request.peer[0]) if request.peer else None
        if instance is None:
            return _refusal(404, "Not Found")
        options = instance.get("MetadataOptions", {})
        if options.get("HttpEndpoint") == "disabled":
            return _refusal(403, "Forbidden")
        if request.path == "/latest/api/token":
            return self._open(request, instance["InstanceId"])
        if request.method not in ("GET", "HEAD"):
            return _refusal(405, "Method Not Allowed")
        token = request.headers.get(_TOKEN)
        if token is None and options.get("HttpTokens") == "required":
            return _refusal(401, "Unauthorized")
        if token is not None and not self._sessions.valid(token, instance["InstanceId"]):
            return _refusal(401, "Unauthorized")
        return self._read(request.path, instance)

    def _open(self, request: Request, instance_id: str) -> Response:
        if request.method != "PUT":
            return _refusal(405, "Method Not Allowed")
        if request.headers.get("X-Forwarded-For"):  # an open proxy on the host would give its role away
            return _refusal(403, "Forbidden")
        ttl = request.headers.get(_TTL, "")
        if not ttl.isdecimal() or not 1 <= int(ttl) <= LONGEST_TTL:
            return _refusal(400, "Bad Request")
        token = self._sessions.open(instance_id, int(ttl))
        return Response(200, token.encode(), [("Content-Type", "text/plain"), (_TTL, ttl)])

    def _read(self, path: str, instance: dict[str, Any]) -> Response:
        version, _, rest = path.strip("/").partition("/")
        if not version:
            return Response(200, "\n".join(VERSIONS).encode(), [("Content-Type", "text/plain")])
        content = find(self._tree(instance), rest) if version in VERSIONS else None
        if content is None:
            return _refusal(404, "Not Found")
        json = content.startswith(b"{")
        return Response(200, content, [("Content-Type", "application/json" if json else "text/plain")])
