"""IAM enforced: what hosts call AWS for, their instance profile's role has to be allowed.

moto's own enforcement knows neither resources nor conditions. Only hosts are asked, whose calls come from
addresses of the VPC: the operator, outside, is the account's administrator. Signatures are not verified; the
session token, which only the metadata service hands out, is.
"""

import logging
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network
from typing import Any
from urllib.parse import parse_qs

from moto.sts.models import sts_backends

from rehearsal.region.calls import Call, access_key
from rehearsal.region.demands import Demands
from rehearsal.region.faults import error_response
from rehearsal.region.http import Request, Response
from rehearsal.region.policies import Demand, Document, UnknownOperatorError, allowed

log = logging.getLogger(__name__)

_TOKEN = "X-Amz-Security-Token"  # noqa: S105, a header's name
# Anybody with credentials may ask who they are.
_FREE = {("sts", "GetCallerIdentity")}


class Permissions:
    """Who may do what.

    Args:
        client: makes a client, by service, of the region's own API.
        generation: returns something new after every change of IAM.
        account: the account's id.
        region: the region's name.
        vpc: where hosts' addresses are.
    """

    def __init__(
        self,
        client: Callable[[str], Any],
        generation: Callable[[], object],
        account: str,
        region: str,
        vpc: IPv4Network,
    ) -> None:
        self._iam, self._demands = client("iam"), Demands(client, account, region)
        self._account, self._vpc = account, vpc
        self._generation = generation
        self._kept: tuple[object, dict[str, list[Document]]] = (None, {})

    def refusal(self, call: Call, request: Request) -> Response | None:
        """Return the answer to a call that its caller may not make; None: it may."""
        if request.peer is None or IPv4Address(request.peer[0]) not in self._vpc:
            return None
        role = self._role(request)
        if role is None:
            code = "AuthFailure" if call.service == "ec2" else "InvalidClientTokenId"
            text = "The security token included in the request is invalid."
            return error_response(call, request, code, text, 401 if call.service == "ec2" else 403)
        if (call.service, call.action) in _FREE:
            return None
        name = role.role_arn.rpartition("/")[2]
        documents = self._documents(name)
        for demand in self._demands.of(call, request):
            try:
                permitted = allowed(documents, demand)
            except UnknownOperatorError as error:
                text = f"The region cannot judge the policies of role {name}: {error}"
                return error_response(call, request, "InternalError", text, 500)
            if not permitted:
                log.info("%s may not %s on %s", role.arn, demand.action, demand.resource)
                return _denied(call, request, role.arn, demand)
        return None

    def _role(self, request: Request) -> Any:
        """Return the session of a role, as moto keeps it, whose credentials a request has."""
        session = sts_backends[self._account]["aws"].get_assumed_role_from_access_key(access_key(request))
        token = request.headers.get(_TOKEN) or parse_qs(request.query).get(_TOKEN, [""])[0]
        return session if session and session.session_token == token else None

    def _documents(self, role: str) -> list[Document]:
        """Return the policies of a role, read again when IAM has changed."""
        generation = self._generation()
        if self._kept[0] != generation:
            self._kept = (generation, {})
        kept = self._kept[1]
        if role not in kept:
            names = self._iam.list_role_policies(RoleName=role)["PolicyNames"]
            kept[role] = [
                self._iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names
            ]
        return kept[role]


def _denied(call: Call, request: Request, caller: str, demand: Demand) -> Response:
    """Return AWS's refusal. Every service has a code of its own for it; EC2 would encode the message."""
    resource = f" on resource: {demand.resource}" if demand.resource else ""
    text = (
        f"User: {caller} is not authorized to perform: {demand.action}{resource} because no identity-based "
        f"policy allows the {demand.action} action"
    )
    if call.service == "ec2":
        return error_response(call, request, "UnauthorizedOperation", text, 403)
    if request.headers.get("X-Amz-Target"):
        return error_response(call, request, "AccessDeniedException", text, 400)
    return error_response(call, request, "AccessDenied", text, 403)
