"""External pillar ``pillar_schema``: refuses a pillar that does not match its JSON Schema. Adds nothing.

In the configuration of the master (or of a masterless minion), last of the external pillars so that it sees
the merged pillar::

    ext_pillar:
      - fleet_map: [/srv/saltwatch/cloud.map]
      - pillar_schema: [/srv/saltwatch/pillar/schema]

The directory has one JSON Schema (draft 2020-12, in YAML) a top-level key, ``<key>.yaml``. A key without a
schema is refused, and so is a pillar without the key of one of the minion's roles, if that key has a schema.
Salt turns what is raised here into a pillar error, and states do not run with one: nothing changes.

What a schema says of a value in ``description`` is what the message gives as expected. Two keywords mean more
than usual: a value with ``writeOnly`` is a secret and never shown; ``format: secret`` refuses placeholders.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from salt.exceptions import SaltConfigurationError
from salt.utils.yamlloader import SaltYamlSafeLoader

if TYPE_CHECKING:
    from jsonschema import FormatChecker
    from jsonschema.exceptions import ValidationError

Pillar = Mapping[str, Any]

# Beginnings of what people write where a secret belongs.
PLACEHOLDERS = ("change", "placeholder", "example", "secret", "password", "admin", "todo", "xxx", "<", "1234")
SECRET_LENGTH = 16


def ext_pillar(minion_id: str, pillar: Pillar, schema_dir: str) -> dict[str, Any]:
    """Return nothing, if the merged ``pillar`` of ``minion_id`` matches the schemas in ``schema_dir``.

    Raises:
        SaltConfigurationError: it does not; a line a fault, with key path, what was expected, and the pillar
            files that set the top-level key.
    """
    schemas = {path.stem: path for path in sorted(Path(schema_dir).glob("*.yaml"))}
    faults = list(check(pillar, schemas)) or [
        f"{role}: expected this key on a host with the role {role}; it is missing"
        for role in __salt__["fleet.roles"](minion_id, pillar["fleet"])
        if role in schemas and role not in pillar
    ]
    if faults:
        lines = [f"{fault}{_origin(fault)}" for fault in faults]
        raise SaltConfigurationError("\n".join([f"the pillar of {minion_id} is invalid", *lines]))
    return {}


def check(pillar: Pillar, schemas: Mapping[str, Path]) -> Iterator[str]:
    """Yield each fault of ``pillar`` as ``path: expected …; got …``; ``schemas``: top-level key → file."""
    # Imported here: if this module could not be loaded, Salt would go on without the check.
    from jsonschema import Draft202012Validator

    if "fleet" not in schemas or "fleet" not in pillar:
        yield "fleet: expected this key in the pillar, and its schema; one is missing"
    for key, value in pillar.items():
        if key not in schemas:
            yield f"{key}: expected only the keys {', '.join(schemas)}; this one has no schema"
            continue
        schema = _schema(schemas[key], schemas[key].stat().st_mtime_ns)
        errors = Draft202012Validator(schema, format_checker=_format_checker()).iter_errors(value)
        yield from (_fault(key, error) for error in sorted(errors, key=lambda error: error.json_path))


@lru_cache(maxsize=64)
def _schema(path: Path, changed: int) -> dict[str, Any]:
    """Return the schema of ``path`` as it was at the time ``changed``: a master asks for each minion."""
    try:
        return yaml.load(path.read_text(), SaltYamlSafeLoader)  # noqa: S506 - safe, and by libyaml
    except yaml.YAMLError as error:
        raise SaltConfigurationError(f"{path}: not YAML: {error}") from error


@lru_cache
def _format_checker() -> "FormatChecker":
    from jsonschema import FormatChecker

    checker = FormatChecker(formats=[])
    checker.checks("secret")(_is_secret)
    checker.checks("cidr", raises=ValueError)(_is_cidr)
    return checker


def _is_secret(value: Any) -> bool:
    """Tell whether ``value`` can be a real secret: long enough, and not a placeholder."""
    if not isinstance(value, str):
        return True  # its type is another keyword's matter
    return len(value) >= SECRET_LENGTH and not value.lower().startswith(PLACEHOLDERS)


def _is_cidr(value: Any) -> bool:
    """Tell whether ``value`` is an IPv4 network in CIDR notation; raises ValueError if it has host bits."""
    return not isinstance(value, str) or ("/" in value and str(IPv4Network(value)) == value)


def _fault(key: str, error: "ValidationError") -> str:
    where = ":".join([key, *map(str, error.absolute_path)])
    if error.validator == "required":
        missing = error.message.split("'")[1]
        expected = error.schema.get("properties", {}).get(missing, {}).get("description", "a value")
        return f"{where}:{missing}: expected {expected}; it is missing"
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        unknown = sorted(str(name) for name in error.instance if name not in known)
        return f"{where}: expected only the keys {', '.join(known)}; got {', '.join(unknown)}"
    if error.validator == "propertyNames":
        return f"{where}: {error.message}"
    expected = error.schema.get("description", f"{error.validator} {error.validator_value!r}")
    # A secret, or something that should have held one.
    got = "a value that is not shown" if "writeOnly" in str(error.schema) else repr(error.instance)
    return f"{where}: expected {expected}; got {got}"


def _origin(fault: str) -> str:
    """Return the files of the pillar roots that set the top-level key of ``fault``, for people."""
    key = fault.partition(":")[0]
    files = [
        str(path)
        for root in __opts__["pillar_roots"].get("base", [])
        for path in sorted(Path(root).rglob("*.sls"))
        if any(line.startswith(f"{key}:") for line in path.read_text().splitlines())
    ]
    return f" (in {', '.join(files)})" if files else ""
