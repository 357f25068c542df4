"""ELB: each application load balancer is an nginx with the listeners, certificates and targets it was given.

Not rehearsed: a node in each zone (there is one, in the first), active health checks (a target that does not
answer is left out for ten seconds), listener rules, access logs.
"""

import sys
from collections.abc import Callable, Iterator
from typing import Any

from rehearsal.model import File
from rehearsal.region.services import Service

_CONFIG = """\
user www-data;
error_log /var/log/nginx/error.log warn;
pid /run/nginx.pid;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  server_tokens off;
  client_max_body_size 0;
{parts}
}}
"""
_PROXY = """\
    location / {{
      proxy_pass http://{group};
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Port {port};
      proxy_next_upstream error timeout;
    }}"""
# ELB's names of the parts of a URL, as nginx names them.
_PARTS = {"#{host}": "$host", "#{port}": "$server_port", "#{protocol}": "$scheme"}


def used() -> bool:
    """Return whether any call was ever made: moto loads a service at its first, and takes a second for it."""
    return "moto.elbv2.models" in sys.modules


def services(account: str, region: str, elb: Callable[[], Any], ec2: Any) -> Iterator[Service]:
    """Yield the application load balancers of the account.

    Args:
        account: its number.
        region: its region.
        elb: returns a boto3 client; not called while there is no balancer.
        ec2: a boto3 client.
    """
    from moto.elbv2.models import elbv2_backends

    if not elbv2_backends[account][region].load_balancers:
        return
    client = elb()
    for page in client.get_paginator("describe_load_balancers").paginate():
        for item in page["LoadBalancers"]:
            if item["Type"] == "application":
                yield _service(item, client, ec2, _certificates(account, region))


def _certificates(account: str, region: str) -> Callable[[str], str]:
    from moto.acm.models import acm_backends

    def pem(arn: str) -> str:
        found = acm_backends[account][region].get_certificate(arn)
        return f"{found.key.decode().strip()}\n{found.cert.decode().strip()}\n"

    return pem


def _service(item: dict[str, Any], elb: Any, ec2: Any, pem: Callable[[str], str]) -> Service:
    arn, name = item["LoadBalancerArn"], item["LoadBalancerName"]
    listeners = elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]
    groups = {
        action["TargetGroupArn"]
        for listener in listeners
        for action in listener["DefaultActions"]
        if "TargetGroupArn" in action
    }
    parts, files = [_upstream(group, elb, ec2) for group in sorted(groups)], []
    for listener in sorted(listeners, key=lambda each: each["Port"]):
        tls = [f"etc/managed/{listener['Port']}-{each}.pem" for each in range(len(_arns(listener)))]
        files += [File(path, pem(of), 0o600) for path, of in zip(tls, _arns(listener), strict=True)]
        parts.append(_server(listener, tls))
    return Service(
        kind="elb",
        name=name,
        interface=f"ELB {arn.partition(':loadbalancer/')[2]}",
        endpoint=item["DNSName"],
        subnet=item["AvailabilityZones"][0]["SubnetId"],
        groups=tuple(sorted(item.get("SecurityGroups", []))),
        public=item.get("Scheme", "internet-facing") == "internet-facing",
        files=(
            *files,
            # Last: what the host waits for.
            File("etc/managed/nginx.conf", _CONFIG.format(parts="\n".join(parts))),
        ),
    )


def _arns(listener: dict[str, Any]) -> list[str]:
    return [each["CertificateArn"] for each in listener.get("Certificates", [])]


def _group(arn: str) -> str:
    return arn.split("/")[1]


def _upstream(arn: str, elb: Any, ec2: Any) -> str:
    (described,) = elb.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"]
    health = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    targets = {each["Target"]["Id"]: each["Target"].get("Port", described["Port"]) for each in health}
    pages = ec2.get_paginator("describe_instances").paginate()
    running = {
        instance["InstanceId"]: instance["PrivateIpAddress"]
        for page in pages
        for reservation in page["Reservations"]
        for instance in reservation["Instances"]
        if instance["State"]["Name"] == "running"
    }
    servers = sorted(f"{running[each]}:{port}" for each, port in targets.items() if each in running)
    lines = [f"    server {server} max_fails=1 fail_timeout=10s;" for server in servers]
    # nginx wants one: a balancer without targets answers 502 here, where AWS's answers 503.
    lines = lines or ["    server 127.0.0.1:9 down;"]
    return "\n".join([f"  upstream {_group(arn)} {{", *lines, "  }"])


def _server(listener: dict[str, Any], certificates: list[str]) -> str:
    port, action = listener["Port"], listener["DefaultActions"][-1]
    lines = ["  server {", f"    listen {port}{' ssl' if certificates else ''};"]
    for path in certificates[:1]:
        lines += [f"    ssl_certificate /{path};", f"    ssl_certificate_key /{path};"]
        lines += ["    ssl_protocols TLSv1.2 TLSv1.3;"]
    if action["Type"] == "redirect":
        lines.append(f"    return {_redirect(action['RedirectConfig'])};")
    elif "TargetGroupArn" in action:
        lines.append(_PROXY.format(group=_group(action["TargetGroupArn"]), port=port))
    else:
        lines.append("    return 503;")  # an action that is not rehearsed
    return "\n".join([*lines, "  }"])


def _redirect(given: dict[str, str]) -> str:
    protocol = given.get("Protocol", "#{protocol}").lower()
    port = given.get("Port", "#{port}")
    place = f"{protocol}://{given.get('Host', '#{host}')}:{port}"
    for word, variable in _PARTS.items():
        place = place.replace(word, variable)
    return f"{given['StatusCode'].removeprefix('HTTP_')} {place}$request_uri"
