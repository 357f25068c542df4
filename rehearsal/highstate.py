"""What `salt '*' state.apply` answered, host by host."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

NO_ANSWER = "no answer from its minion"
UNHEARD = (NO_ANSWER, "Minion did not return")  # the latter in Salt's words


@dataclass
class Outcome:
    """One host's highstate: how many states succeeded and failed, which changed something; why it failed."""

    host: str
    succeeded: int = 0
    failed: int = 0
    seconds: float = 0.0
    changes: set[str] = field(default_factory=set)  # ids of the states that changed something, or would
    errors: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every state succeeded (and there was at least one)."""
        return not self.failed and not self.errors and bool(self.succeeded)

    @property
    def refused_for_modules(self) -> bool:
        """Whether nothing was applied since the minion has not the master's extension modules."""
        return not self.succeeded and any("saltutil.sync_all" in error for error in self.errors)

    @property
    def unheard(self) -> bool:
        """Whether its minion did not answer, and what it did of the highstate is not known."""
        return not self.succeeded and any(error.startswith(UNHEARD) for error in self.errors)

    def __str__(self) -> str:
        counts = f"{self.succeeded} succeeded, {len(self.changes)} changed, {self.failed} failed"
        return f"{self.host}: {counts}, {self.seconds:.1f} s" if not self.errors else f"{self.host}: {counts}"


class Answers:
    """Collects the JSON documents that ``salt --out=json`` prints, one as each minion returns."""

    def __init__(self) -> None:
        self._text = ""
        self.outcomes: dict[str, Outcome] = {}

    def feed(self, line: str) -> Iterator[Outcome]:
        """Take a line of output; yield each host whose answer it completes."""
        # Salt indents its documents: one ends with a brace in the first column.
        self._text += line + "\n"
        if line.rstrip() != "}":
            return
        try:
            document = json.loads(self._text[self._text.index("{") :])
        except ValueError:
            return
        self._text = ""
        for host, answer in document.items():
            self.outcomes[host] = outcome(host, answer)
            yield self.outcomes[host]

    def missing(self, expected: list[str]) -> list[str]:
        """Return the expected hosts that have not answered."""
        return [host for host in expected if host not in self.outcomes]


def outcome(host: str, answer: Any) -> Outcome:
    """Return the outcome of one host's answer.

    Args:
        host: The minion id.
        answer: What state.apply returned: results by state, or a list of reasons why nothing was applied.
    """
    if isinstance(answer, dict) and isinstance(answer.get("ret"), dict | list | str):
        answer = answer["ret"]
    if not isinstance(answer, dict):
        reasons = answer if isinstance(answer, list) else [answer]
        return Outcome(host, errors=[str(reason) for reason in reasons] or ["no answer"])
    result = Outcome(host)
    for chunk in answer.values():
        if not isinstance(chunk, dict):
            result.errors.append(str(chunk))
            continue
        result.seconds += float(chunk.get("duration", 0)) / 1000
        if chunk.get("result") is False:
            result.failed += 1
            result.errors.append(
                f"{chunk.get('__id__', chunk.get('name'))}: {_first_lines(chunk.get('comment'))}"
            )
        else:
            result.succeeded += 1
        if chunk.get("changes") or chunk.get("result") is None:
            result.changes.add(str(chunk.get("__id__", chunk.get("name"))))
    return result


def _first_lines(comment: Any) -> str:
    lines = str(comment).strip().splitlines()
    return " / ".join(line.strip() for line in lines[:4] if line.strip())
