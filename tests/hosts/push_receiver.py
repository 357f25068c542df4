"""Run on a host by its Python: takes what is posted to a path, and prints each body, by base64, as a line.

`test_remote_write.py` sends this file over ssh. It stays until its input ends, so that it goes with whoever
started it.
"""

import base64
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread

# ruff: noqa: T201 - its output is its answer
LOCK = Lock()


class Handler(BaseHTTPRequestHandler):
    """Takes what is posted to the path of the second argument."""

    timeout = 30  # seconds

    def do_POST(self):
        """Print a body."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        known = self.path == sys.argv[2] and self.headers["Content-Encoding"] == "snappy"
        if known:
            with LOCK:
                print(base64.b64encode(body).decode(), flush=True)
        self.send_response(204 if known else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Say nothing of each request."""


def main():
    """Listen on the port that the first argument says."""
    server = ThreadingHTTPServer(("0.0.0.0", int(sys.argv[1])), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    print("listening", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
