"""External pillar ``pillar_schema``: refuses a pillar that does not match its JSON Schema. Adds nothing.

In the configuration of the master (or of a masterless minion), last of the external pillars so that it sees
the merged pillar::

    ext_pillar:
      - fleet_map: [/srv/saltwatch/cloud.map]
      - pillar_schema: [/srv/saltwatch/pillar/schema]

The directory has one JSON Schema (draft 2020-12, in YAML) a top-level key, ``<key>.yaml``. A key without a schema
is refused, and so is a pillar without the key of one of the minion's roles, if that key has a schema. Salt turns
what is raised here into a pillar error, and states do not run with one: nothing of the host changes.

What a schema says of a value in ``description`` is what the message gives as expected. Two keywords mean more
than usual: a value with ``writeOnly`` is a secret and never shown, and ``format: secret`` refuses placeholders.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from salt.exceptions import SaltConfigurationError

if TYPE_CHECKING:
    from jsonschema import FormatChecker
    from jsonschema.exceptions import ValidationError

Pillar = Mapping[str, Any]

PLACEHOLDERS = (
    "change",
    "placeholder",
    "example",
    "secret",
    "password",
    "passwd",
    "admin",
    "todo",
    "xxx",
    "<",
    "123456",
)
SECRET_LENGTH = 16


def ext_pillar(minion_id: str, pillar: Pillar, schema_dir: str) -> dict[str, Any]:
    """Return nothing, if the merged ``pillar`` of ``minion_id`` matches the schemas in ``schema_dir``.

    Raises:
        SaltConfigurationError: it does not; a line a fault, with key path, what was expected, and the pillar files
            that set the top-level key.
    """
    faults = list(check(pillar, Path(schema_dir), __salt__["fleet.roles"](minion_id, pillar.get("fleet"))))
    if faults:
        lines = [f"{text}{_origin(text)}" for text in faults]
        raise SaltConfigurationError("\n".join([f"the pillar of {minion_id} is invalid", *lines]))
    return {}


def check(pillar: Pillar, schema_dir: Path, roles: list[str]) -> Iterator[str]:
    """Yield each fault of ``pillar`` as ``key:path: expected …, got …``."""
    # Imported here: if the module could not be loaded, Salt would go on without the check.
    from jsonschema import Draft202012Validator

    schemas = {path.stem: path for path in sorted(schema_dir.glob("*.yaml"))}
    if not schemas:
        yield f"ext_pillar:pillar_schema: expected schemas in {schema_dir}, found none"
    for key in [role for role in roles if role in schemas and role not in pillar]:
        yield f"{key}: expected this key, since the host has the role {key}; it is missing"
    for key, value in pillar.items():
        if key in schemas:
            validator = Draft202012Validator(_schema(schemas[key]), format_checker=_format_checker())
            for error in sorted(
                validator.iter_errors(value), key=lambda error: list(map(str, error.absolute_path))
            ):
                yield _fault(key, error)
        elif key != "_errors":
            yield f"{key}: expected one of {', '.join(schemas)}: there is no {schema_dir / f'{key}.yaml'}"


@lru_cache
def _schema(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text())


@lru_cache
def _format_checker() -> "FormatChecker":
    from jsonschema import FormatChecker

    checker = FormatChecker(formats=["ipv4", "regex"])
    checker.checks("secret")(_is_secret)
    checker.checks("cidr", raises=ValueError)(_is_cidr)
    return checker


def _is_secret(value: Any) -> bool:
    """Tell whether ``value`` can be a real secret: long enough, and not a placeholder."""
    if not isinstance(value, str):
        return True  # the schema's type says what is wrong
    return len(value) >= SECRET_LENGTH and not value.lower().startswith(PLACEHOLDERS)


def _is_cidr(value: Any) -> bool:
    """Tell whether ``value`` is an IPv4 network in CIDR notation, with no host bits set."""
    from ipaddress import IPv4Network

    return not isinstance(value, str) or ("/" in value and bool(IPv4Network(value)))


def _fault(key: str, error: "ValidationError") -> str:
    where = ":".join([key, *map(str, error.absolute_path)])
    if error.validator == "required":
        missing = next(name for name in error.validator_value if name not in error.instance)
        expected = error.schema.get("properties", {}).get(missing, {}).get("description", "a value")
        return f"{where}:{missing}: expected {expected}; it is missing"
    if error.validator in ("additionalProperties", "unevaluatedProperties"):
        known = error.schema.get("properties", {})
        unknown = sorted(set(error.instance) - set(known))
        return f"{where}: expected the keys {', '.join(known) or '(none)'}, got {', '.join(map(str, unknown))} as well"
    if error.validator == "propertyNames":
        return f"{where}: {error.message}"
    expected = error.schema.get("description")
    expected = f"expected {expected}" if expected else f"expected {error.validator} {error.validator_value!r}"
    got = "a value that is not shown" if _is_write_only(error) else repr(error.instance)
    return f"{where}: {expected}; got {got}"


def _is_write_only(error: "ValidationError") -> bool:
    """Tell whether the value in error is a secret or holds one."""
    return "writeOnly" in str(error.schema)


def _origin(fault: str) -> str:
    """Return the files of the pillar roots in which the top-level key of ``fault`` is set, for people."""
    key = fault.partition(":")[0]
    files = [
        str(path)
        for root in __opts__["pillar_roots"].get("base", [])
        for path in sorted(Path(root).rglob("*.sls"))
        if any(line.startswith(f"{key}:") for line in path.read_text().splitlines())
    ]
    return f" (in {', '.join(files)})" if files else ""
