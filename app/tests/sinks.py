"""What the application talks to, for tests: AWS (moto), an OTLP receiver, and what is silent on the way."""

import contextlib
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread

import boto3
import requests
from moto.server import ThreadedMotoServer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

REGION = "eu-west-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
QUEUE, TABLE = "test-messages", "test-data"


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Cloud:
    """AWS, which can be gone for a while; the queue and the table are as salt/aws makes them."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._server: ThreadedMotoServer | None = None

    def start(self) -> None:
        self._server = ThreadedMotoServer("127.0.0.1", self.port, verbose=False)
        self._server.start()

    def stop(self) -> None:
        if self._server:
            self._server.stop()
            self._server = None

    @property
    def environ(self) -> dict[str, str]:
        return {"AWS_ENDPOINT_URL": self.url, **CREDENTIALS}

    @property
    def variables(self) -> dict[str, str]:
        return {"APP_AWS_REGION": REGION, "APP_QUEUE": QUEUE, "APP_TABLE": TABLE}

    def client(self, service: str):
        keys = {name.lower(): value for name, value in CREDENTIALS.items()}
        return boto3.client(service, endpoint_url=self.url, region_name=REGION, **keys)

    def fill(self) -> None:
        """Make the queue and the table, empty."""
        requests.post(f"{self.url}/moto-api/reset", timeout=10)
        self.client("sqs").create_queue(
            QueueName=QUEUE, Attributes={"VisibilityTimeout": "60", "ReceiveMessageWaitTimeSeconds": "20"}
        )
        self.client("dynamodb").create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )


class Collector:
    """An OTLP/HTTP receiver that keeps the spans; it can be gone for a while."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.lock = Lock()
        self.received: list[Span] = []
        self.start()

    def start(self) -> None:
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                request = ExportTraceServiceRequest.FromString(body)
                with collector.lock:
                    for resource in request.resource_spans:
                        for scope in resource.scope_spans:
                            collector.received += scope.spans
                self.send_response(200 if self.path == "/v1/traces" else 404)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def spans(self, trace_id: str) -> list[Span]:
        """Return what came of one trace."""
        with self.lock:
            return [span for span in self.received if span.trace_id.hex() == trace_id]

    def named(self, name: str) -> list[Span]:
        """Return the spans of one name."""
        with self.lock:
            return [span for span in self.received if span.name == name]


class Relay:
    """A network before a port of this machine. Frozen, it takes connections, and nothing passes."""

    def __init__(self, port: int, frozen: bool = False) -> None:
        self.taken = 0  # connections
        self._port = port
        self._flows = Event()
        if not frozen:
            self._flows.set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.address = "{}:{}".format(*self._listener.getsockname())
        Thread(target=self._accept, daemon=True).start()

    def freeze(self) -> None:
        self._flows.clear()

    def thaw(self) -> None:
        self._flows.set()

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # ends the accept
        self._listener.close()
        self.thaw()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.taken += 1
            Thread(target=self._join, args=(client,), daemon=True).start()

    def _join(self, client: socket.socket) -> None:
        self._flows.wait()
        try:
            server = socket.create_connection(("127.0.0.1", self._port), 30)
        except OSError:
            client.close()
            return
        Thread(target=self._pass, args=(client, server), daemon=True).start()
        self._pass(server, client)

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):  # whichever side has gone
            while data := source.recv(65536):
                self._flows.wait()
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)


def silence() -> Iterator[str]:
    """Yield HOST:PORT of somebody who takes connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield "{}:{}".format(*listener.getsockname())
