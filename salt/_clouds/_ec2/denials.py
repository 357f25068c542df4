"""What EC2 means when it denies something: its encoded message, decoded where that is permitted."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import botocore.exceptions

_ENCODED = re.compile(r"Encoded authorization failure message:\s*(\S+)")


def explain_denials(client: Any, sts: Callable[[], Any]) -> None:
    """Have a client of EC2 say in its errors what was denied to whom, in place of the encoded message.

    Args:
        client: Of EC2.
        sts: Makes a client of STS; it needs ``sts:DecodeAuthorizationMessage``, without which the message
            stays as it is.
    """

    def decode(parsed: dict[str, Any], **_: Any) -> None:
        error = parsed.get("Error", {})
        encoded = _ENCODED.search(str(error.get("Message", "")))
        if error.get("Code") != "UnauthorizedOperation" or not encoded:
            return
        try:
            answer = sts().decode_authorization_message(EncodedMessage=encoded[1])
            said = denial(json.loads(answer["DecodedMessage"]))
        except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError, ValueError):
            return
        error["Message"] = str(error["Message"]).replace(encoded[0], said)

    client.meta.events.register("after-call.ec2", decode)


def denial(message: Mapping[str, Any]) -> str:
    """Return one line of a decoded message of STS: who may not do what to which resource."""
    context = message.get("context", {})
    who = context.get("principal", {}).get("arn", "the caller")
    what = f"{context.get('action', 'this')} on {context.get('resource', 'this resource')}"
    why = "a policy denies it" if message.get("explicitDeny") else "no policy allows it"
    return f"{who} may not {what}: {why}"
