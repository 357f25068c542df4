"""Visitors who do not stop: a constant, bounded load on the application; every answer is looked at."""

import http.client
import itertools
import json
import threading
import uuid
from types import TracebackType

from website import Website

KEPT, FRESH = 4, 2  # visitors who keep their connection open, and who make one for each request
PAUSE = 0.03  # seconds that a visitor waits; all together stay below nginx's limit for one address
TIMEOUT = 40.0  # seconds; longer than nginx's own


class Load:
    """GET and POST in turn, by several visitors at once, while the context lasts.

    Args:
        website: where.
    """

    def __init__(self, website: Website) -> None:
        self.website = website
        self.title = f"load {uuid.uuid4()}"  # of every task that is created
        self.failures: list[str] = []
        self.answered = {"GET": 0, "POST": 0}
        self._lock = threading.Lock()
        self._end = threading.Event()
        kinds = [True] * KEPT + [False] * FRESH
        self._threads = [threading.Thread(target=self._visit, args=(kept,)) for kept in kinds]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _visit(self, kept: bool) -> None:
        connection = http.client.HTTPConnection(self.website.address, timeout=TIMEOUT)
        for method in itertools.cycle(self.answered):
            if self._end.wait(PAUSE):
                break
            failure = self._ask(connection, method)
            with self._lock:
                self.answered[method] += not failure
                if failure:
                    self.failures.append(f"{method}: {failure}")
            if failure or not kept:
                connection.close()
        connection.close()

    def _ask(self, connection: http.client.HTTPConnection, method: str) -> str | None:
        headers = {"Host": self.website.name, "Content-Type": "application/json"}
        body = json.dumps({"title": self.title}) if method == "POST" else None
        try:
            connection.request(method, "/api/tasks", body, headers)
            answer = connection.getresponse()
            told = answer.read()
        except (OSError, http.client.HTTPException) as error:
            return repr(error)
        expected = 201 if method == "POST" else 200
        return None if answer.status == expected else f"{answer.status} {told[:200]!r}"
