"""Which notifications have arrived at the drill's receivers, a webhook and a mailbox."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage

from rehearsal.sinks import Post, Sinks

WEBHOOK, MAIL = "webhook", "mail"
SINKS = (WEBHOOK, MAIL)
# As Alertmanager's template (saltwatch.tmpl) writes a mail: for each alert its status, then its labels.
_STATUS = re.compile(r"(FIRING|RESOLVED): ")
_LABELS = "Labels: "
_NEXT = re.compile(r", (?=\w+=)")
# And as the Watchdog's consumer writes the subject, of one alert and without labels.
_SUBJECT = re.compile(r"\[(FIRING|RESOLVED)\S*\] (\w+)")


@dataclass(frozen=True)
class Notification:
    """What a receiver was told of one alert.

    Args:
        sink: ``webhook`` or ``mail``.
        status: ``firing`` or ``resolved``.
        labels: The alert's, ``alertname`` among them.
        at: When it was seen here, seconds since the epoch.
    """

    sink: str
    status: str
    labels: dict[str, str]
    at: float


class Inbox:
    """The receivers' post, in the order of its arrival.

    Args:
        sinks: Where it arrives.
    """

    def __init__(self, sinks: Sinks) -> None:
        self._sinks = sinks
        self._posts = self._mails = 0
        self._received: list[Notification] = []

    def received(self) -> list[Notification]:
        """Return all that has arrived."""
        now = time.time()
        posts, mails = self._sinks.posts(), self._sinks.mails()
        for post in posts[self._posts :]:
            self._received += [Notification(WEBHOOK, *alert, now) for alert in posted(post)]
        for mail in mails[self._mails :]:
            self._received += [Notification(MAIL, *alert, now) for alert in mailed(mail)]
        self._posts, self._mails = len(posts), len(mails)
        return list(self._received)


def posted(post: Post) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield status and labels of each alert that a webhook was told of.

    https://prometheus.io/docs/alerting/0.28/configuration/#webhook_config
    """
    for alert in post.body["alerts"]:
        yield alert["status"], alert["labels"]


def mailed(mail: EmailMessage) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield status and labels of each alert that a mail is about."""
    body = mail.get_body(("plain",))
    status, found = "", False
    for line in (body.get_content() if body else "").splitlines():
        if match := _STATUS.match(line):
            status = match[1].lower()
        elif line.startswith(_LABELS) and status:
            found = True
            pairs = _NEXT.split(line.removeprefix(_LABELS))
            yield status, dict(pair.split("=", 1) for pair in pairs)
    if not found and (match := _SUBJECT.match(str(mail["Subject"]))):
        yield match[1].lower(), {"alertname": match[2]}
