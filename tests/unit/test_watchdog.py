"""The consumer of the Watchdog: it notices silence, tells each receiver, and says when it is over."""

import configparser
import importlib.util
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from rehearsal.sinks import HANGING, REFUSING, Sinks

PROGRAM = Path(__file__).parents[2] / "salt/watchdog/files/watchdog.py"
LABELS = {"alertname": "WatchdogSilent", "severity": "critical", "env": "dev", "instance": "salt-1"}
ANNOTATIONS = {"summary": "Alerting does not work.", "runbook_url": "docs/runbooks/WatchdogSilent.md"}
TIMEOUT, REPEAT = 240, 3600


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("watchdog", PROGRAM)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


watchdog = _load()


class Clock:
    """A clock that is moved by hand, in place of the program's."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def time(self) -> float:
        return self.now

    monotonic = time

    def sleep(self, _seconds: float) -> None:
        """For ever: a thread looks once."""
        threading.Event().wait()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(watchdog, "time", clock)
    return clock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.json"


@pytest.fixture
def memory(path: Path, clock: Clock) -> Any:
    return watchdog.Memory(path, TIMEOUT, REPEAT)


@pytest.fixture
def sinks() -> Iterator[Sinks]:
    with Sinks() as sinks:
        yield sinks


def test_silence_begins_after_the_timeout_and_ends_with_the_next(memory: Any, clock: Clock) -> None:
    """Mutants: `>` of the timeout made `<`; `heard` that remembers nothing; a repeat that is never due."""
    memory.heard()
    clock.now += TIMEOUT
    assert memory.due("mail") is None
    clock.now += 1
    assert memory.due("mail") is True
    memory.told("mail", True)
    assert memory.due("mail") is None
    assert memory.due("webhook") is True, "each receiver by itself"
    clock.now += REPEAT + 1
    assert memory.due("mail") is True, "again, as it goes on"
    memory.heard()
    assert memory.due("mail") is False
    memory.told("mail", False)
    assert memory.due("mail") is None
    assert memory.due("webhook") is None, "what was not told of the alarm is not told of its end"


def test_nothing_heard_ever_is_silence_too(memory: Any, clock: Clock) -> None:
    """Mutant: no alarm before the Watchdog was heard once."""
    clock.now += TIMEOUT + 1
    assert memory.due("mail") is True


def test_a_restart_forgets_nothing_and_gives_time_to_be_heard(memory: Any, path: Path, clock: Clock) -> None:
    """Mutants: `received` not kept, so that an alarm begins anew; `told` not kept; no grace."""
    memory.heard()
    clock.now += TIMEOUT + 1
    memory.told("mail", True)
    again = watchdog.Memory(path, TIMEOUT, REPEAT)
    assert not again.silent()
    clock.now += watchdog.GRACE + 1
    assert again.silent()
    assert (again.due("mail"), again.due("webhook")) == (None, True)


@pytest.mark.parametrize(
    "content", ["", "[]", '{"received": "soon"}', '{"received": 5, "told": {"mail": 5}}']
)
def test_a_torn_file_begins_anew(path: Path, clock: Clock, content: str) -> None:
    """Mutant: the exception not caught, and no consumer at all."""
    path.write_text(content)
    assert watchdog.Memory(path, TIMEOUT, REPEAT).received == clock.now


@pytest.fixture
def server(memory: Any) -> Iterator[str]:
    handler = type("Handler", (watchdog.Handler,), {"memory": memory})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def _post(url: str, body: bytes, **headers: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def _alert(name: str, status: str = "firing") -> bytes:
    return json.dumps({"alerts": [{"status": status, "labels": {"alertname": name}}]}).encode()


@pytest.mark.parametrize(
    ("body", "status", "heard"),
    [
        (_alert("Watchdog"), 200, True),
        (_alert("Watchdog", "resolved"), 200, False),
        (_alert("Another"), 200, False),
        (b"{", 400, False),
        (b"[]", 400, False),
        (b'{"alerts": [{}]}', 400, False),
    ],
)
def test_only_a_watchdog_that_fires_is_heard(
    server: str, memory: Any, clock: Clock, body: bytes, status: int, heard: bool
) -> None:
    """Mutants: the status not looked at; the name not looked at; any JSON taken."""
    clock.now += 10
    assert _post(server, body) == status
    assert (memory.received == clock.now) is heard


@pytest.mark.parametrize("length", [str((1 << 20) + 1), "-1", "many"])
def test_what_is_too_long_is_not_read(server: str, length: str) -> None:
    """Mutant: no bound of the length."""
    assert _post(server, b"{", **{"Content-Length": length}) == 413


def test_metrics_tell_when_it_was_heard(server: str, memory: Any) -> None:
    """Mutant: metrics of another path; the gauge not set."""
    watchdog.HEARD.set_function(lambda: memory.received)
    text = urllib.request.urlopen(f"{server}/metrics", timeout=10).read().decode()
    assert "watchdog_last_received_timestamp_seconds 1.8e+09\n" in text
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{server}/", timeout=10)


@pytest.fixture
def webhook(memory: Any, sinks: Sinks, tmp_path: Path) -> Callable[[str], Any]:
    """Return a function that returns the receiver of a path of the sink."""

    def make(path: str) -> Any:
        file = tmp_path / "webhook"
        file.write_text(f"{sinks.url}{path}")
        return watchdog.Webhook({"url_file": str(file)}, memory, LABELS, ANNOTATIONS)

    return make


@pytest.fixture
def mail(memory: Any, sinks: Sinks) -> Any:
    options = {
        "to": "a@example.org",
        "from": "b@example.org",
        "smarthost": sinks.smarthost,
        "require_tls": "false",
    }
    return watchdog.Mail(options, memory, LABELS, ANNOTATIONS)


def test_a_webhook_is_told_as_by_alertmanager(
    webhook: Callable[[str], Any], memory: Any, sinks: Sinks, clock: Clock
) -> None:
    """Mutants: `status` always firing; labels left out; told again at each look."""
    receiver = webhook("/oncall")
    assert receiver.step()
    assert sinks.posts() == []
    clock.now += TIMEOUT + 1
    assert receiver.step() and receiver.step()
    memory.heard()
    assert receiver.step() and receiver.step()
    assert [post.alerts for post in sinks.posts("/oncall")] == [
        [("firing", "WatchdogSilent")],
        [("resolved", "WatchdogSilent")],
    ]
    (alert,) = sinks.posts()[0].body["alerts"]
    assert (alert["labels"], alert["annotations"]) == (LABELS, ANNOTATIONS)


def test_mail_says_what_and_where_to_read_on(mail: Any, memory: Any, sinks: Sinks, clock: Clock) -> None:
    """Mutants: no annotations; the subject the same for both."""
    clock.now += TIMEOUT + 1
    assert mail.step()
    memory.heard()
    assert mail.step()
    first, second = sinks.mails()
    assert (first["Subject"], first["To"]) == ("[FIRING] WatchdogSilent in dev", "a@example.org")
    assert second["Subject"] == "[RESOLVED] WatchdogSilent in dev"
    for text in ANNOTATIONS.values():
        assert text in first.get_content()


def test_mail_goes_nowhere_without_the_encryption_that_is_asked_for(
    mail: Any, sinks: Sinks, clock: Clock
) -> None:
    """The sink has none. Mutant: `require_tls` not looked at."""
    mail.options["require_tls"] = "true"
    clock.now += TIMEOUT + 1
    assert not mail.step()
    assert sinks.mails() == []


@pytest.mark.parametrize("where", [REFUSING, "\n:", " x"])
def test_what_could_not_be_told_is_told_later(
    webhook: Callable[[str], Any], memory: Any, sinks: Sinks, clock: Clock, where: str
) -> None:
    """Mutants: told although it failed; an exception that ends the thread."""
    clock.now += TIMEOUT + 1
    assert not webhook(where).step()
    assert memory.due("webhook") is True
    assert webhook("/oncall").step()
    assert len(sinks.posts("/oncall")) == 1


def test_one_that_hangs_keeps_no_other_waiting(
    webhook: Callable[[str], Any], mail: Any, sinks: Sinks, clock: Clock
) -> None:
    """The webhook still hangs when the mail has come. Mutant: all receivers in one thread."""
    clock.now += TIMEOUT + 1
    hanging = webhook(HANGING)
    for receiver in (hanging, mail):
        receiver.start()
    deadline = time.monotonic() + 60
    while not (sinks.mails() and sinks.posts(HANGING)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert hanging.memory.due("webhook") is True


def test_a_secret_is_in_no_log(
    webhook: Callable[[str], Any], clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Mutant: the exception itself logged, which names the URL."""
    clock.now += TIMEOUT + 1
    assert not webhook(" hunter2-hunter2-hunter2").step()
    assert "webhook could not be told" in caplog.text
    assert "hunter2" not in caplog.text


def _configuration(path: Path, **changes: str | None) -> Path:
    config = configparser.ConfigParser()
    own = {"port": "1", "timeout": "240", "repeat": "60", "state": str(path.parent / "x.json")} | changes
    config.read_dict(
        {
            "watchdog": {key: value for key, value in own.items() if value is not None},
            "labels": LABELS,
            "annotations": ANNOTATIONS,
            "log": {},
        }
    )
    with path.open("w") as file:
        config.write(file)
    return path


@pytest.mark.parametrize("changes", [{"port": "many"}, {"state": None}, {"timeout": None}])
def test_a_wrong_configuration_is_refused(tmp_path: Path, changes: dict[str, str | None]) -> None:
    """Mutant: `--check` that looks at nothing; a key that is missing taken for None."""
    watchdog.main(["--check", str(_configuration(tmp_path / "right.ini"))])
    with pytest.raises(SystemExit, match=str(tmp_path)):
        watchdog.main(["--check", str(_configuration(tmp_path / "wrong.ini", **changes))])
