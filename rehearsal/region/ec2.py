"""EC2 as the rehearsal needs it: moto's, with each departure from AWS that mattered put right."""

import base64
from collections.abc import Callable
from typing import Any, ClassVar

import moto.ec2.urls
from moto.core.responses import ActionResult, EmptyResult
from moto.core.types import Base64EncodedString
from moto.core.utils import camelcase_to_underscores, utcnow
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.responses import EC2Response

from rehearsal.region import addresses, launch
from rehearsal.region.tokens import Answer, Tokens

CONSOLE_BYTES = 64 * 1024  # GetConsoleOutput returns the newest this many


def _refuse_terminated(backend: Any, ids: list[str], verb: str) -> None:
    for instance in backend.get_multi_instances_by_id(ids):
        if instance.state == "terminated":
            raise EC2ClientError(
                "IncorrectInstanceState",
                f"The instance '{instance.id}' is not in a state from which it can be {verb}.",
            )


class Ec2(EC2Response):
    """moto's EC2 with overrides. Every public method here is an action of the API."""

    tokens: ClassVar[Tokens] = Tokens()
    console: ClassVar[Callable[[str], bytes]]
    reboot: ClassVar[Callable[[str], None]]

    def call_action(self) -> Answer:  # noqa: D102
        if not self.params.get("ClientToken"):
            return super().call_action()
        action = camelcase_to_underscores(self._get_action())
        try:
            return self.tokens.answer(self.region, action, self.params, super().call_action)
        except EC2ClientError as error:
            return self.serialized(ActionResult(error))

    def run_instances(self) -> ActionResult:
        """Launch MaxCount instances, checked and completed as AWS does."""
        backend, parameters = self.ec2_backend, self.params
        image = launch.image_of(backend, parameters)
        count = int(parameters.get("MaxCount") or parameters.get("MinCount") or 1)
        launch.check_type(image, parameters.get("InstanceType"))
        launch.check_key(backend, parameters.get("KeyName"))
        launch.check_addresses(backend, parameters, count)
        mappings = launch.with_root(parameters.get("BlockDeviceMappings", []), image)
        self.params = {
            **parameters,
            "MinCount": count,
            "BlockDeviceMappings": [launch.for_moto(mapping) for mapping in mappings],
        }
        result: Any = super().run_instances()
        for instance in result.result.instances:
            launch.finish(backend, instance, parameters, mappings)
        return result

    def start_instances(self) -> ActionResult:
        """Start instances; AWS refuses terminated ones, which moto would resurrect."""
        _refuse_terminated(self.ec2_backend, self.params.get("InstanceIds", []), "started")
        return super().start_instances()

    def stop_instances(self) -> ActionResult:
        """Stop instances; AWS refuses terminated ones."""
        _refuse_terminated(self.ec2_backend, self.params.get("InstanceIds", []), "stopped")
        return super().stop_instances()

    def terminate_instances(self) -> ActionResult:
        """Terminate instances; to do so twice succeeds on AWS and crashes moto."""
        instances = self.ec2_backend.get_multi_instances_by_id(self.params.get("InstanceIds", []))
        done = [instance.id for instance in instances if instance.state == "terminated"]
        left = [instance.id for instance in instances if instance.id not in done]
        result: Any = ActionResult({"TerminatingInstances": []})
        if left or not done:
            self.params = {**self.params, "InstanceIds": left}
            result = super().terminate_instances()
        state = {"Code": 48, "Name": "terminated"}
        result.result["TerminatingInstances"] += [
            {"InstanceId": instance_id, "CurrentState": state, "PreviousState": state} for instance_id in done
        ]
        return result

    def reboot_instances(self) -> ActionResult:
        """Reboot running instances, in their hosts too."""
        ids = self.params.get("InstanceIds", [])
        _refuse_terminated(self.ec2_backend, ids, "rebooted")
        result = super().reboot_instances()
        for instance_id in ids:
            type(self).reboot(instance_id)
        return result

    def get_console_output(self) -> ActionResult:
        """Return what the host printed on its console."""
        instance = self.ec2_backend.get_instance(self.params["InstanceId"])
        output = type(self).console(instance.id)[-CONSOLE_BYTES:]
        encoded = Base64EncodedString(base64.b64encode(output).decode())
        return ActionResult({"InstanceId": instance.id, "Timestamp": utcnow(), "Output": encoded})

    def modify_instance_attribute(self) -> ActionResult:
        """Modify an attribute; moto takes one that it does not know for an empty list of groups."""
        instance = self.ec2_backend.get_instance(self.params["InstanceId"])
        behavior = self.params.get("InstanceInitiatedShutdownBehavior", {}).get("Value")
        if behavior:
            self.error_on_dryrun()
            instance.instance_initiated_shutdown_behavior = behavior
            return EmptyResult()
        result = super().modify_instance_attribute()
        if "Groups" in self.params and 0 in instance.nics:
            instance.nics[0]._group_set = instance.security_groups
        return result

    def modify_network_interface_attribute(self) -> ActionResult:
        """Modify an interface; the groups of an instance are those of its primary interface."""
        result = super().modify_network_interface_attribute()
        interface = self.ec2_backend.get_network_interface(self.params["NetworkInterfaceId"])
        if interface.instance and interface.device_index == 0:
            interface.instance.security_groups = interface._group_set
        return result

    def create_network_interface(self) -> ActionResult:
        """Create an interface with the address asked for, or the subnet's next free one."""
        subnet = self.ec2_backend.get_subnet(self.params["SubnetId"])
        if address := self.params.get("PrivateIpAddress"):
            addresses.check_free(subnet, address)
        elif not self.params.get("PrivateIpAddresses"):
            self.params = {**self.params, "PrivateIpAddress": addresses.next_free(subnet)}
        return super().create_network_interface()


def install(tokens: Tokens, console: Callable[[str], bytes], reboot: Callable[[str], None]) -> None:
    """Put this class in the place of moto's, before its first request.

    Args:
        tokens: the answers given so far.
        console: returns what the host of an instance printed on its console.
        reboot: restarts the host of an instance, at once or soon.
    """
    Ec2.tokens, Ec2.console, Ec2.reboot = tokens, staticmethod(console), staticmethod(reboot)
    moto.ec2.urls.url_paths["{0}/"] = Ec2.dispatch
    addresses.install()
