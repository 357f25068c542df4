"""The loop that shows the hypervisor the world, whenever EC2's state changed and every few seconds."""

import logging
import threading
from typing import Any, Protocol

from botocore.exceptions import ClientError

from rehearsal.model import World
from rehearsal.region.managed import Managed
from rehearsal.region.world import observe

log = logging.getLogger(__name__)

# Services whose state is part of the world.
SHOWN = {"ec2", "rds", "elasticloadbalancing", "acm"}
PERIOD = 2.0  # seconds between looks for hosts that stopped by themselves


class Hypervisor(Protocol):
    """What the region asks of a hypervisor; ``rehearsal.hypervisor.Hypervisor`` is one."""

    def reconcile(self, world: World) -> None:
        """Make ``world`` true, as far as it is not."""

    def reboot(self, instance_id: str) -> None:
        """Restart a host."""

    def console(self, instance_id: str) -> bytes:
        """Return what a host printed on its console."""

    def stopped_by_itself(self) -> list[str]:
        """Return the ids of instances whose hosts powered themselves off."""

    def status(self) -> list[dict[str, Any]]:
        """Return a description of each host."""

    def adopt(self) -> None:
        """Find the hosts that an earlier process started."""

    def shutdown_all(self) -> None:
        """Stop every host."""


class Reconciler:
    """Level-triggered: what wakes it carries no meaning, only the world observed afterwards does."""

    def __init__(self, ec2: Any, hypervisor: Hypervisor, managed: Managed):
        """Observe through ``ec2``, a boto3 client, and ``managed``; drive ``hypervisor``."""
        self._ec2 = ec2
        self._managed = managed
        self._hypervisor = hypervisor
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._idle = threading.Condition()
        self._reboots: list[str] = []
        self._wanted = self._done = 0
        self._thread = threading.Thread(target=self._run, name="reconciler", daemon=True)

    def start(self) -> None:
        """Start the loop."""
        self._thread.start()
        self.changed("ec2")

    def changed(self, service: str) -> None:
        """Take note that the state of ``service`` changed."""
        if service in SHOWN:
            with self._idle:
                self._wanted += 1
            self._wake.set()

    def reboot(self, instance_id: str) -> None:
        """Have a host rebooted, soon: RebootInstances does not wait for it either."""
        with self._idle:
            self._reboots.append(instance_id)
        self.changed("ec2")

    def settle(self, timeout: float) -> bool:
        """Wait until all changes noted so far have been shown to the hypervisor; return False on timeout."""
        with self._idle:
            wanted = self._wanted
            return self._idle.wait_for(lambda: self._done >= wanted, timeout)

    def stop(self) -> None:
        """End the loop when its current round is over."""
        self._stop.set()
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.wait(PERIOD)
            self._wake.clear()
            try:
                self._round()
            except Exception:  # the next round sees the same world again
                log.exception("reconciling failed")

    def _round(self) -> None:
        for instance_id in self._hypervisor.stopped_by_itself():
            self._powered_off(instance_id)
        with self._idle:
            wanted, reboots, self._reboots = self._wanted, self._reboots, []
        if wanted == self._done:
            return
        self._hypervisor.reconcile(observe(self._ec2, self._managed.hosts()))
        for instance_id in reboots:
            self._hypervisor.reboot(instance_id)
        with self._idle:
            self._done = wanted
            self._idle.notify_all()

    def _powered_off(self, instance_id: str) -> None:
        """Do to an instance what its InstanceInitiatedShutdownBehavior says; AWS's own are started again."""
        if not instance_id.startswith("i-"):
            log.warning("%s ended, it is started again", instance_id)
            self.changed("ec2")
            return
        attribute = "instanceInitiatedShutdownBehavior"
        try:
            answer = self._ec2.describe_instance_attribute(InstanceId=instance_id, Attribute=attribute)
            behavior = answer["InstanceInitiatedShutdownBehavior"]["Value"]
            log.info("%s powered itself off: %s", instance_id, behavior)
            if behavior == "terminate":
                self._ec2.terminate_instances(InstanceIds=[instance_id])
            else:
                self._ec2.stop_instances(InstanceIds=[instance_id])
        except ClientError as error:
            log.warning("%s powered itself off: %s", instance_id, error)
