"""Arguments of functions and actions, which come from the command line as text."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any

import salt.utils.yaml
from salt.exceptions import SaltCloudConfigError, SaltCloudSystemExit

from .options import nearest


def flag(name: str, value: Any) -> bool:
    """Return a truth value given as one, or as text.

    Raises:
        SaltCloudConfigError: It is neither.
    """
    if isinstance(value, bool):
        return value
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if str(value).casefold() not in words:
        raise SaltCloudConfigError(f"{name}: expected True or False, not {value!r}")
    return words[str(value).casefold()]


def listed(value: Any) -> list[Any]:
    """Return a list given as one, as JSON, or as words with commas between."""
    if value is None:
        return []
    if not isinstance(value, str):
        return list(value) if isinstance(value, (list, tuple)) else [value]
    if value.lstrip().startswith(("[", "{")):
        try:
            parsed = json.loads(value)
        except ValueError as error:
            raise SaltCloudConfigError(f"expected JSON, not {value!r}: {error}") from error
        return parsed if isinstance(parsed, list) else [parsed]
    return [word.strip() for word in value.split(",") if word.strip()]


def mapped(name: str, value: Any) -> dict[str, Any]:
    """Return a mapping given as one, or as YAML (JSON included).

    Raises:
        SaltCloudConfigError: It is neither.
    """
    parsed = salt.utils.yaml.safe_load(value) if isinstance(value, str) else value
    if parsed is not None and not isinstance(parsed, Mapping):
        raise SaltCloudConfigError(f"{name}: expected a mapping, not {value!r}")
    return dict(parsed or {})


def call(
    implementation: Callable[..., Any], *positional: Any, kwargs: Mapping[str, Any] | None, name: str
) -> Any:
    """Call a function with what came from the command line.

    Args:
        implementation: Takes ``positional``, then what ``kwargs`` may name.
        positional: The provider, and for an action the machine.
        kwargs: As salt-cloud hands them over.
        name: What the user has called.

    Raises:
        SaltCloudSystemExit: An argument is missing or unknown; says which there are.
    """
    given = {key: value for key, value in (kwargs or {}).items() if not key.startswith("__pub_")}
    parameters = list(inspect.signature(implementation).parameters.values())[len(positional) :]
    if not any(one.kind is one.VAR_KEYWORD for one in parameters):
        known = [one.name for one in parameters]
        for key in given:
            if key not in known:
                raise SaltCloudSystemExit(f"{name}: no argument {key}{nearest(key, known)}; it takes {known}")
    missing = [
        one.name
        for one in parameters
        if one.default is one.empty and one.name not in given and one.kind is not one.VAR_KEYWORD
    ]
    if missing:
        raise SaltCloudSystemExit(f"{name}: missing: {', '.join(missing)}")
    return implementation(*positional, **given)
