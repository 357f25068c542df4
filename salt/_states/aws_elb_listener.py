"""What an application load balancer listens for.

Why not ``boto3_elbv2`` of saltext-boto3 1.2.0: it knows target groups only.
"""

from collections.abc import Mapping
from typing import Any

from salt.exceptions import CommandExecutionError

__virtualname__ = "aws_elb_listener"

Tags = dict[str, str]
Result = dict[str, Any]

# ACM lists only RSA keys of 2048 bits unless it is told otherwise.
_KEY_TYPES = ["RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1"]
# The parts of a URL that a redirect leaves as they are.
_SAME = {"Host": "#{host}", "Path": "/#{path}", "Query": "#{query}"}


def present(
    name: str,
    balancer: str,
    port: int,
    tags: Tags,
    redirect: int | None = None,
    target_group: str | None = None,
    domain: str | None = None,
    tls_policy: str | None = None,
    region: str | None = None,
    profile: str | None = None,
) -> Result:
    """Make sure that a balancer listens on a port, does one thing with every request, and has no other rules.

    Args:
        name: its Name tag.
        balancer: the balancer's name.
        port: where it listens.
        tags: further tags.
        redirect: the port to which it sends requests on, with TLS.
        target_group: instead: the group to which it hands them.
        domain: with TLS: the name of an issued certificate of ACM's; of several the one that lasts longest.
        tls_policy: with TLS: AWS's name of the protocols and ciphers that it takes.
        region: where, as ``eu-west-1``.
        profile: of the AWS configuration; none: boto3's usual chain.
    """
    elb = __salt__["aws_resource.client"]("elbv2", region, profile)
    acm = __salt__["aws_resource.client"]("acm", region, profile)
    desired = {
        "protocol": "HTTPS" if domain else "HTTP",
        "certificate": domain,
        "tls_policy": tls_policy if domain else None,
        "action": f"forward to {target_group}" if target_group else _url("HTTPS", redirect, _SAME, 301),
        "rules": [],
        "tags": tags | {"Name": name},
    }

    def action() -> Result:
        if target_group is None:
            to = {"Protocol": "HTTPS", "Port": str(redirect), "StatusCode": "HTTP_301"}
            return {"Type": "redirect", "RedirectConfig": to}
        group = __salt__["aws_elb.find_group"](elb, target_group)
        return {"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}

    def certificates() -> list[str]:
        return [_certificate(acm, domain, region)] if domain else []

    def settings() -> Result:
        common = {"Protocol": desired["protocol"], "Port": port, "DefaultActions": [action()]}
        if domain is None:
            return common
        used = [{"CertificateArn": arn} for arn in certificates()]
        return {**common, "Certificates": used, "SslPolicy": tls_policy}

    def read() -> Result | None:
        wanted = certificates()  # before anything is made
        found = _listener(elb, balancer, port)
        if found is None:
            return None
        arn = found["ListenerArn"]
        used = [each["CertificateArn"] for each in found.get("Certificates", [])]
        return {
            "protocol": found["Protocol"],
            "certificate": domain if used == wanted else ", ".join(used) or None,
            "tls_policy": found.get("SslPolicy") if found["Protocol"] == "HTTPS" else None,
            "action": ", then ".join(map(_words, found["DefaultActions"])),
            "rules": [rule["RuleArn"] for rule in _rules(elb, arn)],
            "tags": __salt__["aws_elb.tags_of"](elb, arn),
        }

    def create() -> None:
        elb.create_listener(
            LoadBalancerArn=__salt__["aws_elb.find"](elb, balancer)["LoadBalancerArn"],
            **settings(),
            Tags=__salt__["aws_resource.tag_list"](desired["tags"]),
        )

    def update(changed: Result) -> None:
        arn = _listener(elb, balancer, port)["ListenerArn"]
        for rule in _rules(elb, arn) if "rules" in changed else []:
            elb.delete_rule(RuleArn=rule["RuleArn"])
        if changed.keys() - {"rules", "tags"}:
            elb.modify_listener(ListenerArn=arn, **settings())
        __salt__["aws_elb.retag"](elb, arn, changed)

    return __salt__["aws_resource.present"](name, desired=desired, read=read, create=create, update=update)


def _listener(elb: Any, balancer: str, port: int) -> Result | None:
    found = __salt__["aws_elb.find"](elb, balancer)
    if found is None:
        return None
    listed = elb.describe_listeners(LoadBalancerArn=found["LoadBalancerArn"])["Listeners"]
    return next((each for each in listed if each["Port"] == port), None)


def _rules(elb: Any, listener: str) -> list[Result]:
    """Return a listener's rules beside its default."""
    return [rule for rule in elb.describe_rules(ListenerArn=listener)["Rules"] if not rule["IsDefault"]]


def _words(action: Mapping[str, Any]) -> str:
    """Return an action as a sentence, so that it can be compared and read."""
    if action["Type"] == "redirect":
        to = {**_SAME, **action["RedirectConfig"]}
        return _url(to["Protocol"], to["Port"], to, to["StatusCode"].removeprefix("HTTP_"))
    if action["Type"] == "forward" and "TargetGroupArn" in action:
        return f"forward to {action['TargetGroupArn'].split('/')[1]}"
    return str(dict(action))


def _url(protocol: str, port: int | str | None, parts: Mapping[str, str], status: int | str) -> str:
    place = f"{protocol.lower()}://{parts['Host']}:{port}{parts['Path']}?{parts['Query']}"
    return f"redirect to {place} ({status})"


def _certificate(acm: Any, domain: str, region: str | None) -> str:
    pages = acm.get_paginator("list_certificates").paginate(
        CertificateStatuses=["ISSUED"], Includes={"keyTypes": _KEY_TYPES}
    )
    listed = [each for page in pages for each in page["CertificateSummaryList"]]
    found = [each for each in listed if each["DomainName"] == domain]
    if not found:
        raise CommandExecutionError(
            f"aws:load_balancer:domain: ACM has no issued certificate of {domain} in {region}: request and "
            f"validate one: aws acm request-certificate --domain-name {domain} --validation-method DNS"
        )
    return max(found, key=lambda each: each["NotAfter"])["CertificateArn"]
