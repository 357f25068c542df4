"""Serves a directory's packages to the hosts' apt: what `./rehearse --mirror DIR` was given."""

import http.server
import logging
import threading
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)


class _Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 300  # seconds that a connection may wait for its next request

    def list_directory(self, path: Any) -> None:
        """Refuse: apt asks for files."""
        self.send_error(HTTPStatus.NOT_FOUND)

    def log_message(self, format: str, *args: object) -> None:
        log.debug(format, *args)


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        log.debug("connection from %s", client_address, exc_info=True)  # a client that went away


def serve(directory: Path, address: str, port: int) -> None:
    """Serve the files of a directory, which may come later, in threads of their own.

    Raises:
        OSError: the address cannot be bound.
    """
    server = _Server((address, port), partial(_Handler, directory=str(directory)))
    threading.Thread(target=server.serve_forever, name="packages", daemon=True).start()
