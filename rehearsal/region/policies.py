"""IAM policies, judged as AWS does: what a role's documents say of one demand.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics.html
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Document = Mapping[str, Any]
Context = Mapping[str, list[str]]


@dataclass(frozen=True)
class Demand:
    """One action on one resource that a call needs.

    Of calls that the region does not take apart ``resource`` and ``context`` are None: the action has to be
    allowed on something, under some condition.
    """

    action: str
    resource: str | None = None  # an ARN, or * for actions that are on none
    context: Context | None = None  # condition keys, as aws:RequestTag/Fleet, and their values


class UnknownOperatorError(Exception):
    """A condition in a policy that the region cannot judge."""


def allowed(documents: Iterable[Document], demand: Demand) -> bool:
    """Return whether some statement allows the demand and none denies it."""
    return effects(documents, demand) == {"Allow"}


def effects(documents: Iterable[Document], demand: Demand) -> set[str]:
    """Return the effects, ``Allow`` and ``Deny``, of the statements that apply to the demand."""
    return {
        statement["Effect"]
        for document in documents
        for statement in _listed(document["Statement"])
        if _applies(statement, demand)
    }


def _applies(statement: Mapping[str, Any], demand: Demand) -> bool:
    # Actions are compared without regard to case, resources with.
    actions = [action.lower() for action in _listed(statement["Action"])]
    if not _like(demand.action.lower(), actions):
        return False
    if demand.resource is not None and not _like(demand.resource, _listed(statement["Resource"])):
        return False
    conditions = {} if demand.context is None else statement.get("Condition", {})
    return all(
        _holds(operator, (demand.context or {}).get(key, []), _listed(wanted))
        for operator, keys in conditions.items()
        for key, wanted in keys.items()
    )


def _holds(operator: str, values: list[str], wanted: list[str]) -> bool:
    """Return whether a condition holds of the values that a key has in the call.

    Raises:
        UnknownOperatorError: the operator is none of those that this project's policies use.
    """
    quantifier, _, plain = operator.rpartition(":")
    if plain not in _OPERATORS or quantifier not in ("", "ForAllValues"):
        raise UnknownOperatorError(
            f"condition operator {operator}: expected {', '.join(_OPERATORS)}, each also after ForAllValues:"
        )
    matches = [_OPERATORS[plain](value, wanted) for value in values]
    if quantifier:
        return all(matches)
    return all(matches) if values else plain == "StringNotEquals"


def _like(value: str, patterns: list[str]) -> bool:
    return any(re.fullmatch(_expression(pattern), value, re.DOTALL) for pattern in patterns)


def _expression(pattern: str) -> str:
    return "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


_OPERATORS: dict[str, Callable[[str, list[str]], bool]] = {
    "Bool": lambda value, wanted: value.lower() in [str(each).lower() for each in wanted],
    "StringEquals": lambda value, wanted: value in wanted,
    "StringNotEquals": lambda value, wanted: value not in wanted,
    "StringLike": _like,
}
