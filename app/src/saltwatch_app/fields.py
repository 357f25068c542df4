"""The fields of a JSON body, checked before anything is done with them."""

import math
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from flask import request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from saltwatch_app.problems import Invalid

# Returns the field's value to use, or raises ValueError saying what was expected.
Check = Callable[[Any], Any]


def json_fields(checks: Mapping[str, Check], required: set[str] | None = None) -> dict[str, Any]:
    """Return the checked fields of the request's JSON body.

    Args:
        checks: the fields that there may be, each with its check.
        required: those that there must be.

    Raises:
        Invalid: naming every field that is missing, unknown or wrong.
        BadRequest: the body is not JSON.
        RequestEntityTooLarge: it is too large.
        UnsupportedMediaType: it does not say that it is.
    """
    _read_body()
    try:
        body = request.get_json()
    except RecursionError as error:
        raise BadRequest("the JSON is nested too deeply") from error
    except BadRequest as error:
        raise BadRequest("the body is not JSON in UTF-8") from error
    if not isinstance(body, dict):
        raise Invalid({"body": "expected a JSON object"})
    errors = {_printable(name): "unknown field" for name in body if name not in checks}
    errors |= dict.fromkeys((required or set()) - body.keys(), "required")
    fields: dict[str, Any] = {}
    for name in checks.keys() & body.keys():
        try:
            fields[name] = checks[name](body[name])
        except ValueError as error:
            errors[name] = str(error)
    if errors:
        raise Invalid(errors)
    return fields


def _read_body() -> None:
    """Read the whole body, which may end before it should; it is kept for those who read it next.

    Raises:
        BadRequest: it is not what its headers say.
        RequestEntityTooLarge: it is sent in chunks, of which werkzeug leaves out what is too much.
    """
    try:
        length = len(request.get_data())
    except (OSError, ParseException) as error:  # what gunicorn raises of a wrong chunk
        raise BadRequest("the body is not in chunks as its headers say") from error
    if request.content_length is None and length >= (request.max_content_length or math.inf):
        raise RequestEntityTooLarge
    if length < (request.content_length or 0):
        raise BadRequest("the body ended before the length that its headers say")


def checked_flag(value: object) -> bool:
    """Return a boolean.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, bool):
        raise ValueError("expected true or false")
    return value


def checked_text(value: object, low: int, high: int, controls: str = "", strip: bool = False) -> str:
    """Return a text.

    Args:
        value: what was sent.
        low: the least number of characters.
        high: the greatest number of characters.
        controls: control characters that are allowed.
        strip: whether white space at its ends goes first.

    Raises:
        ValueError: it is none, or too long or short, or has other control characters.
    """
    if isinstance(value, str) and strip:
        value = value.strip()
    if not isinstance(value, str) or not low <= len(value) <= high:
        raise ValueError(f"expected a text of {low} to {high} characters")
    # Cc: control characters; Cs: halves of a surrogate pair, which no encoding can store. SQS takes neither,
    # nor the two that are no characters.
    if any(
        (unicodedata.category(c) in ("Cc", "Cs") and c not in controls) or c in "\ufffe\uffff" for c in value
    ):
        raise ValueError("expected no control characters")
    return value


def query_number(name: str, default: int, high: int, errors: dict[str, str]) -> int:
    """Return a parameter of the query, a number from 1.

    Args:
        name: of the parameter.
        default: if it is not there; also what is returned if it is wrong.
        high: the greatest that it may be.
        errors: gets what was expected if it is wrong.
    """
    text = request.args.get(name, str(default))
    if text.isascii() and text.isdigit() and len(text) <= 10 and 1 <= int(text) <= high:
        return int(text)
    errors[name] = f"expected a whole number from 1 to {high}"
    return default


def _printable(name: str) -> str:
    return name[:64].encode("ascii", "backslashreplace").decode()
