"""salt-cloud, and what it calls, in the tests' own process."""

import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore.client
import botocore.exceptions
import salt.cloud
import salt.config
import yaml

CHECKOUT = Path(__file__).resolve().parents[3]

REGION = "eu-west-1"
DEBIAN = "136693071363"
IMAGES = [
    {"ami_id": "ami-0000000000000old1", "name": "debian-13-amd64-1", "creation_date": "2026-01-01T00:00:00Z"},
    {"ami_id": "ami-0000000000000new1", "name": "debian-13-amd64-0", "creation_date": "2026-06-01T00:00:00Z"},
    {
        "ami_id": "ami-000000000000later",
        "name": "debian-13-amd64-2",
        "creation_date": "2026-12-31T00:00:00Z",
        "state": "pending",
    },
    {
        "ami_id": "ami-00000000000fakes1",
        "name": "debian-13-amd64-3",
        "creation_date": "2026-12-30T00:00:00Z",
        "owner_id": "666666666666",
    },
]
IMAGE_DEFAULTS = {
    "owner_id": DEBIAN,
    "public": True,
    "virtualization_type": "hvm",
    "architecture": "x86_64",
    "state": "available",
    "platform": None,
    "image_type": "machine",
    "image_location": "somewhere",
    "hypervisor": "xen",
    "description": "",
    "root_device_name": "/dev/xvda",
    "root_device_type": "ebs",
    "sriov": "simple",
}


class Calls:
    """Every API call that is made, and what some of them are to answer instead.

    `fail` makes calls fail before they reach AWS (or ``after``), `lose` after they have had their effect.
    """

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make = make
        self.made: list[tuple[str, dict[str, Any]]] = []
        self._faults: list[dict[str, Any]] = []

    def fail(
        self, operation: str, code: str, *, status: int = 400, times: int = 1, after: bool = False
    ) -> None:
        answer = {
            "Error": {"Code": code, "Message": f"injected {code}"},
            "ResponseMetadata": {"HTTPStatusCode": status},
        }
        error = botocore.exceptions.ClientError(answer, operation)
        self._faults.append({"operation": operation, "error": error, "times": times, "after": after})

    def lose(self, operation: str) -> None:
        error = botocore.exceptions.ReadTimeoutError(endpoint_url="https://lost")
        self._faults.append({"operation": operation, "error": error, "times": 1, "after": True})

    def __call__(self, client: Any, operation: str, request: dict[str, Any]) -> Any:
        self.made.append((operation, request))
        for fault in self._faults:
            if fault["operation"] == operation and fault["times"] > 0:
                fault["times"] -= 1
                if fault["after"]:
                    self._make(client, operation, request)
                raise fault["error"]
        return self._make(client, operation, request)

    def of(self, operation: str) -> list[dict[str, Any]]:
        return [request for made, request in self.made if made == operation]


PROVIDERS = {"ec2": {"driver": "ec2", "location": REGION, "owner": DEBIAN}}
PROFILE = {
    "provider": "ec2",
    "image": "debian-13-amd64-*",
    "size": "t3.small",
    "subnetname": "private",
    "securitygroupname": ["base"],
    "keyname": "fleet",
    "ssh_interface": "private_ips",
    "ssh_username": "admin",
    "ssh_host_keys": "unchecked",
    "wait_for_ip_interval": 0.01,
    "minion": {"master": "salt.example.internal"},
}


class SaltCloud:
    """salt-cloud with a configuration of its own.

    Args:
        directory: Where it keeps everything.
        providers, profiles: The configuration.
        bootstrap: Stands for ``salt.utils.cloud.bootstrap``.
    """

    def __init__(
        self, directory: Path, providers: dict[str, Any], profiles: dict[str, Any], bootstrap: Any
    ) -> None:
        self.directory = directory
        self.bootstrap = bootstrap
        directory.mkdir(exist_ok=True)
        (directory / "cloud").write_text(
            yaml.safe_dump(
                {
                    "root_dir": str(directory),
                    "cloud_dirs": [str(CHECKOUT / "salt/_clouds")],
                    "keysize": 2048,
                    "verify_env": False,
                }
            )
        )
        (directory / "master").write_text(yaml.safe_dump({"root_dir": str(directory)}))
        (directory / "cloud.providers").write_text(yaml.safe_dump(providers))
        (directory / "cloud.profiles").write_text(yaml.safe_dump(profiles, sort_keys=False))

    def opts(self, **more: Any) -> dict[str, Any]:
        opts = salt.config.cloud_config(str(self.directory / "cloud"))
        opts.update({"deploy": True, "parallel": False, "keep_tmp": False, **more})
        return opts

    def mapper(self, **more: Any) -> salt.cloud.Map:
        os.environ["SALT_CLOUD_EC2_RUN"] = uuid.uuid4().hex  # each is a process of its own elsewhere
        return salt.cloud.Map(self.opts(**more))

    @property
    def pki(self) -> Path:
        return Path(self.opts()["pki_dir"])

    @property
    def state(self) -> Path:
        return Path(self.opts()["cachedir"]) / "ec2" / f"ec2-{REGION}"

    def create(self, name: str = "web-1", profile: str = "web", **overrides: Any) -> dict[str, Any]:
        """As ``salt-cloud -p PROFILE NAME``."""
        answer = self.mapper(profile=profile).run_profile(profile, [name], vm_overrides={name: overrides})
        return answer[name]

    def run_map(self, members: dict[str, Any], **more: Any) -> dict[str, Any]:
        """As ``salt-cloud -m FILE``."""
        path = self.directory / "fleet.map"
        path.write_text(yaml.safe_dump(members))
        mapper = self.mapper(map=str(path), **more)
        return mapper.run_map(mapper.map_data())

    def destroy(self, *names: str) -> dict[str, Any]:
        """As ``salt-cloud -d NAME...``."""
        return self.mapper(destroy=True).destroy(list(names))["ec2"]["ec2"]

    def action(self, action: str, name: str = "web-1", **kwargs: Any) -> Any:
        """As ``salt-cloud -a ACTION NAME``."""
        return self.mapper(action=action).do_action([name], kwargs)["ec2"]["ec2"][name]

    def function(self, function: str, **kwargs: Any) -> Any:
        """As ``salt-cloud -f FUNCTION ec2``."""
        return self.mapper(function=function).do_function("ec2", function, kwargs)["ec2"]["ec2"]

    def nodes(self, **more: Any) -> dict[str, Any]:
        """As ``salt-cloud -Q``."""
        listed = self.mapper(selected_query_option="list_nodes", **more).map_providers_parallel()
        return {
            name: node
            for drivers in listed.values()
            for nodes in drivers.values()
            for name, node in nodes.items()
        }


class Bootstrap:
    """Stands for ``salt.utils.cloud.bootstrap``: notes the machines it was called for."""

    def __init__(self) -> None:
        self.ordinary: Any = None  # what Salt's loader makes of its utils without the stub
        self.called: list[dict[str, Any]] = []
        self.answers: list[Any] = []

    def __call__(self, vm_: dict[str, Any], opts: dict[str, Any]) -> dict[str, Any]:
        self.called.append(dict(vm_))
        answer = self.answers.pop(0) if self.answers else {"deployed": True}
        if isinstance(answer, BaseException):
            raise answer
        return answer
