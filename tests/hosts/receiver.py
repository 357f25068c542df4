"""Run on a host with the application's Python: an OTLP/HTTP receiver of traces on the loopback address.

`test_trace.py` sends this file over ssh. Each span is a line of JSON on standard output. It stays until its
input ends, so that it goes with whoever started it.
"""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

# ruff: noqa: T201 - its output is its answer
LOCK = Lock()


class Handler(BaseHTTPRequestHandler):
    """Takes what is posted to /v1/traces."""

    timeout = 30  # seconds

    def do_POST(self):
        """Print the spans of a request."""
        request = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200 if self.path == "/v1/traces" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()
        with LOCK:
            for resource in request.resource_spans:
                service = {each.key: each.value.string_value for each in resource.resource.attributes}
                for span in (span for scope in resource.scope_spans for span in scope.spans):
                    ids = {
                        name: getattr(span, name).hex() for name in ("trace_id", "span_id", "parent_span_id")
                    }
                    told = {
                        "service": service.get("service.name"),
                        "name": span.name,
                        "kind": span.kind,
                        **ids,
                    }
                    print(json.dumps(told), flush=True)

    def log_message(self, *_):
        """Say nothing of each request."""


def main():
    """Listen on the port that the argument says."""
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    print("listening", os.getpid(), os.getppid(), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
