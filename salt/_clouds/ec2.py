"""
EC2 driver for salt-cloud, on boto3.

Salt 3008 ships none. Profiles and providers of the driver that Salt 3007 had load unchanged; docs/driver/ has
the options, what differs, and how to take the driver without the rest of this repository.

.. code-block:: yaml

    # cloud.providers
    ec2:
      driver: ec2
      location: eu-west-1
      owner: '136693071363'  # Debian's account
    # cloud.profiles
    app:
      provider: ec2
      image: debian-13-amd64-*
      size: t3.small
      subnetname: private-a
      securitygroupname: [app]
      keyname: fleet
      private_key: ~/.ssh/fleet
      ssh_username: admin
      ssh_interface: private_ips

:depends: boto3
"""

from __future__ import annotations

import functools
import logging
import multiprocessing
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import salt.utils.cloud
from salt.config import is_provider_configured
from salt.exceptions import SaltCloudException, SaltCloudExecutionFailure, SaltCloudSystemExit

try:
    from _ec2 import (
        arguments,
        attributes,
        catalog,
        errors,
        exitcode,
        keypairs,
        lifecycle,
        machines,
        minions,
        parity,
        plan,
        power,
        schema,
        snapshots,
        ssm,
        tables,
        termination,
        volumes,
    )
    from _ec2 import leaks as leftovers
    from _ec2.provider import Provider, read_descriptions

    MISSING = ""
except ImportError as error:
    MISSING = f"the EC2 driver needs boto3: {error}"

log = logging.getLogger(__name__)

__virtualname__ = "ec2"


def __virtual__() -> str | tuple[bool, str]:
    if MISSING:
        return False, MISSING
    exitcode.install()
    if _launches():
        read_descriptions()
    return __virtualname__


def get_configured_provider() -> Any:
    """Return the settings of the provider that is asked, False if there is none of this driver."""
    return is_provider_configured(__opts__, _active_name() or __virtualname__)


def _active_name() -> str | None:
    active = __active_provider_name__
    return active.value() if hasattr(active, "value") else active


def _provider() -> Provider:
    """Return the provider that salt-cloud asks."""
    settings = get_configured_provider()
    if settings is False:
        raise SaltCloudSystemExit("no provider of the driver ec2 is configured")
    named = (_active_name() or "").partition(":")[0] or str(settings.get("provider", "ec2")).partition(":")[0]
    return Provider(named, settings, __opts__)


def _only_as(expected: str, call: str | None, name: str) -> None:
    """Refuse a function called as an action, and an action called as a function."""
    if call is not None and call != expected:
        option = "-a or --action" if expected == "action" else "-f or --function"
        raise SaltCloudSystemExit(f"{name} has to be called with {option}")


def create(vm_: dict[str, Any]) -> dict[str, Any]:
    """
    Launch and bootstrap one machine, from the data that salt-cloud has made of profile and map.

    CLI Example:

    .. code-block:: bash

        salt-cloud -p app app-1
    """
    provider = _provider()
    settings = schema.settings(provider, vm_)
    name = vm_["name"]

    def announce(message: str, tag: str | None = None, **data: Any) -> None:
        args = {"name": name, "profile": vm_.get("profile"), "provider": provider.alias, **data}
        _fire(name, message, tag or message.split()[0], args)

    try:
        schema.validate(provider, vm_)
        announce("starting create", "creating")
        node = lifecycle.create(
            provider,
            vm_,
            settings,
            render=lambda text: salt.utils.cloud.userdata_template(__opts__, vm_, text),
            bootstrap=__utils__["cloud.bootstrap"],
            announce=announce,
        )
        __utils__["cloud.cache_node"](node, provider.alias, __opts__)
        return node
    except SaltCloudException:
        exitcode.mark_failure()
        raise
    except Exception as error:  # anything else would crash salt-cloud's parent and lose the other members
        exitcode.mark_failure()
        log.exception("creating %s", name)
        raise SaltCloudExecutionFailure(f"{name}: {errors.describe(error, 'creating it')}") from error


def destroy(name: str, call: str | None = None) -> dict[str, Any]:
    """
    Terminate a machine, by name or id. Its ``volumes`` stay, unless they were to go with it.

    CLI Example:

    .. code-block:: bash

        salt-cloud -d app-1
    """
    _only_as("action", call, "destroy")
    provider = _provider()

    def announce(message: str, tag: str | None = None, **data: Any) -> None:
        _fire(name, message, tag or message.split()[0], {"name": name, **data})

    try:
        change = termination.destroy(provider, name, announce)
    except SaltCloudException:
        exitcode.mark_failure()
        raise
    if __opts__.get("update_cachedir", False) is True:
        __utils__["cloud.delete_minion_cachedir"](name, provider.alias, __opts__)
    return change


def _fire(name: str, message: str, tag: str, args: dict[str, Any]) -> None:
    """Fire an event, if a master runs here: Salt would try for a second each time to reach one."""
    if not Path(__opts__["sock_dir"], "master_event_pull.ipc").exists():
        return
    __utils__["cloud.fire_event"](
        "event",
        message,
        f"salt/cloud/{name}/{tag}",
        args=__utils__["cloud.filter_event"](tag, args, list(args)),
        sock_dir=__opts__["sock_dir"],
        transport=__opts__["transport"],
    )


def _listed(name: str, call: str | None) -> tuple[Provider, dict[str, machines.Instance]]:
    """Return the machines of the provider by name.

    salt-cloud takes any exception of a listing for an empty account, and would launch a second fleet
    (D20). In the processes that it lists in, only a SystemExit gets past that.
    """
    _only_as("function", call, name)
    provider = _provider()
    worker = multiprocessing.current_process().daemon
    if worker:
        # salt-cloud ends these processes by SIGTERM once one has failed, and waits for them. Its handler
        # raises an exception, which is lost in a process that is just cleaning up: both would wait for ever.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        listing = lifecycle.listed if _launches() else machines.alive  # members look at the same
        alive = listing(provider)
        if _launches() or __opts__.get("destroy"):
            termination.finish(provider, alive)
        return provider, machines.by_name(alive)
    except Exception as error:
        if worker:
            raise SystemExit(f"{provider.alias}: {error}") from None
        raise


def list_nodes(call: str | None = None) -> dict[str, Any]:
    """
    Return the machines, with id, image, size, state and addresses.

    CLI Example:

    .. code-block:: bash

        salt-cloud -Q
    """
    _, found = _listed("list_nodes", call)
    return {name: machines.node(instance) | {"name": name} for name, instance in found.items()}


def list_nodes_full(location: str | None = None, call: str | None = None) -> dict[str, Any]:
    """
    Return the machines with everything that EC2 says about them.

    CLI Example:

    .. code-block:: bash

        salt-cloud -F
    """
    provider, found = _listed("list_nodes_full", call)
    nodes = {name: machines.full(provider, instance) | {"name": name} for name, instance in found.items()}
    __utils__["cloud.cache_node_list"](nodes, provider.alias, __opts__)
    return nodes


def list_nodes_min(location: str | None = None, call: str | None = None) -> dict[str, Any]:
    """
    Return the machines, with id and state only. salt-cloud asks this before each map run.

    In a run that launches, machines whose bootstrap was never finished are left out, and in a map run those
    that are stopped, so that salt-cloud hands them to ``create``, which goes on with them, or starts them.

    CLI Example:

    .. code-block:: bash

        salt-cloud -f list_nodes_min ec2
    """
    provider, found = _listed("list_nodes_min", call)
    if _launches():
        minions.make_key_directories(provider)
        minions.remember_keys(provider)
        found = {name: instance for name, instance in found.items() if not _needs_create(instance)}
    return {
        name: {"id": instance["InstanceId"], "state": instance["State"]["Name"]}
        for name, instance in found.items()
    }


def _launches() -> bool:
    """Tell whether this run of salt-cloud is to launch machines."""
    asked = __opts__.get("map") or __opts__.get("profile")
    return bool(asked) and not any(__opts__.get(key) for key in ("destroy", "action", "function"))


def _needs_create(instance: machines.Instance) -> bool:
    stopped = instance["State"]["Name"] in ("stopping", "stopped")
    return machines.is_half_built(instance) or bool(__opts__.get("map") and stopped)


def list_nodes_select(call: str | None = None) -> dict[str, Any]:
    """
    Return the machines with the keys that ``query.selection`` of the configuration names.

    CLI Example:

    .. code-block:: bash

        salt-cloud -S
    """
    return salt.utils.cloud.list_nodes_select(list_nodes_full(call=call), __opts__["query.selection"], call)


def show_instance(
    name: str | None = None, kwargs: dict[str, Any] | None = None, call: str | None = None
) -> dict[str, Any]:
    """
    Return everything that EC2 says about a machine, by name or id.

    CLI Example:

    .. code-block:: bash

        salt-cloud -a show_instance app-1
        salt-cloud -f show_instance ec2 instance_id=i-0123456789abcdef0
    """
    wanted = name or (kwargs or {}).get("instance_id") or (kwargs or {}).get("name")
    if not wanted:
        raise SaltCloudSystemExit("show_instance: which? Give a name or instance_id")
    provider = _provider()
    node = machines.full(provider, machines.get(provider, wanted))
    __utils__["cloud.cache_node"](node, provider.alias, __opts__)
    return node


def avail_locations(call: str | None = None) -> dict[str, Any]:
    """
    Return the regions that the account can use.

    CLI Example:

    .. code-block:: bash

        salt-cloud --list-locations ec2
    """
    _only_as("function", call, "avail_locations")
    return catalog.locations(_provider())


def avail_images(kwargs: dict[str, Any] | None = None, call: str | None = None) -> dict[str, Any]:
    """
    Return the images of an owner: ``owner=``, else the provider's, else the account's own.

    CLI Example:

    .. code-block:: bash

        salt-cloud --list-images ec2
        salt-cloud -f avail_images ec2 owner=amazon name='al2023-*'
    """
    _only_as("function", call, "avail_images")
    return catalog.images(_provider(), **(kwargs or {}))


def avail_sizes(call: str | None = None) -> dict[str, Any]:
    """
    Return the instance types that the region has, as the API says (D11).

    CLI Example:

    .. code-block:: bash

        salt-cloud --list-sizes ec2
    """
    _only_as("function", call, "avail_sizes")
    return catalog.sizes(_provider())


def plan_map(kwargs: dict[str, Any] | None = None, call: str | None = None) -> Any:
    """
    Return what a run of ``map`` would create, replace, bootstrap, start, keep and (with ``hard=True``)
    destroy, what differs, and what the map costs a month. Writes nothing.

    CLI Example:

    .. code-block:: bash

        salt-cloud --out=table -f plan_map ec2 map=cloud.map
        salt-cloud --out=json -f plan_map ec2 map=cloud.map hard=True
    """
    _only_as("function", call, "plan_map")

    def implementation(provider: Provider, map: str, hard: str = "False") -> dict[str, Any]:
        return plan.make(provider, map, hard=arguments.flag("hard", hard))

    answer = arguments.call(implementation, _provider(), kwargs=kwargs, name="plan_map")
    return tables.of_plan(answer) if _as_table() else answer


def leaks(kwargs: dict[str, Any] | None = None, call: str | None = None) -> Any:
    """
    Return what the provider's tag (or ``tag`` and ``value``) owns and nobody uses, by kind.

    CLI Example:

    .. code-block:: bash

        salt-cloud --out=table -f leaks ec2
        salt-cloud -f leaks ec2 tag=Fleet value=saltwatch
    """
    _only_as("function", call, "leaks")
    answer = arguments.call(leftovers.find, _provider(), kwargs=kwargs, name="leaks")
    return tables.of_leaks(answer) if _as_table() else answer


def _as_table() -> bool:
    return bool(__opts__.get("output") == "table")


def _function(implementation: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Return a function of salt-cloud (-f) that calls ``implementation(provider, **arguments)``."""

    @functools.wraps(implementation, assigned=("__doc__",), updated=())
    def wrapper(kwargs: dict[str, Any] | None = None, call: str | None = None) -> Any:
        _only_as("function", call, name)
        return arguments.call(implementation, _provider(), kwargs=kwargs, name=name)

    return wrapper


def _action(implementation: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Return an action of salt-cloud (-a) that calls ``implementation(provider, machine, **arguments)``."""

    @functools.wraps(implementation, assigned=("__doc__",), updated=())
    def wrapper(
        name_: str | None = None, kwargs: dict[str, Any] | None = None, call: str | None = None
    ) -> Any:
        _only_as("action", call, name)
        return arguments.call(implementation, _provider(), name_, kwargs=kwargs, name=name)

    return wrapper


def _power(implementation: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Return an action that fires an event before it changes the machine's state."""

    @functools.wraps(implementation, assigned=("__doc__",), updated=())
    def wrapper(name_: str | None = None, call: str | None = None) -> Any:
        _only_as("action", call, name)

        def announce(message: str, **data: Any) -> None:
            _fire(name_, message, message.split()[0], {"name": name_, **data})

        return implementation(_provider(), name_, announce)

    return wrapper


def _refused(name: str, why: str) -> Callable[..., Any]:
    """Return a function of the old driver that only says why it is none here."""

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        raise SaltCloudSystemExit(f"{name}: {why}")

    wrapper.__doc__ = f"Refused: {why}."
    return wrapper


def _of_resource(implementation: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Return what can be called both ways, and as an action does not need the machine it is called of."""

    @functools.wraps(implementation, assigned=("__doc__",), updated=())
    def wrapper(
        name_: str | None = None, kwargs: dict[str, Any] | None = None, call: str | None = None
    ) -> Any:
        return arguments.call(implementation, _provider(), kwargs=kwargs, name=name)

    return wrapper


def _named(implementation: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Return what the execution module ``cloud`` calls, with arguments and not with a mapping of them."""

    @functools.wraps(implementation, assigned=("__doc__",), updated=())
    def wrapper(**kwargs: Any) -> Any:
        own = ("name", "provider", "profile", "action", "call")
        given = {key: value for key, value in kwargs.items() if key not in own}
        return arguments.call(implementation, _provider(), kwargs=given, name=name)

    return wrapper


def _either(implementation: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Return what can be called both ways: of a machine (-a), or of any resource (-f)."""

    @functools.wraps(implementation, assigned=("__doc__",), updated=())
    def wrapper(
        name_: str | None = None, kwargs: dict[str, Any] | None = None, call: str | None = None
    ) -> Any:
        positional = (_provider(), name_) if call == "action" else (_provider(),)
        return arguments.call(implementation, *positional, kwargs=kwargs, name=name)

    return wrapper


if not MISSING:
    create_volume = _function(volumes.create, "create_volume")
    describe_volumes = _function(volumes.describe, "describe_volumes")
    show_volume = _of_resource(volumes.show, "show_volume")
    delete_volume = _of_resource(volumes.delete, "delete_volume")
    volume_create = _named(volumes.create, "volume_create")
    volume_list = _named(volumes.describe, "volume_list")
    create_snapshot = _function(snapshots.create, "create_snapshot")
    delete_snapshot = _function(snapshots.delete, "delete_snapshot")
    copy_snapshot = _function(snapshots.copy, "copy_snapshot")
    describe_snapshots = _function(snapshots.describe, "describe_snapshots")
    create_keypair = _function(keypairs.create, "create_keypair")
    import_keypair = _function(keypairs.import_, "import_keypair")
    show_keypair = _function(keypairs.show, "show_keypair")
    delete_keypair = _function(keypairs.delete, "delete_keypair")
    list_availability_zones = _function(catalog.availability_zones, "list_availability_zones")
    show_image = _function(catalog.show_image, "show_image")
    register_image = _function(catalog.register_image, "register_image")
    show_pricing = _function(catalog.show_pricing, "show_pricing")
    start = _power(power.start, "start")
    stop = _power(power.stop, "stop")
    reboot = _power(power.reboot, "reboot")
    ssm_create_association = _action(ssm.create_association, "ssm_create_association")
    ssm_describe_association = _action(ssm.describe_association, "ssm_describe_association")
    rename = _action(attributes.rename, "rename")
    show_term_protect = _action(attributes.show_term_protect, "show_term_protect")
    enable_term_protect = _action(attributes.enable_term_protect, "enable_term_protect")
    disable_term_protect = _action(attributes.disable_term_protect, "disable_term_protect")
    show_detailed_monitoring = _action(attributes.show_detailed_monitoring, "show_detailed_monitoring")
    enable_detailed_monitoring = _action(attributes.enable_detailed_monitoring, "enable_detailed_monitoring")
    disable_detailed_monitoring = _action(
        attributes.disable_detailed_monitoring, "disable_detailed_monitoring"
    )
    get_console_output = _action(attributes.get_console_output, "get_console_output")
    get_password_data = _action(attributes.get_password_data, "get_password_data")
    show_delvol_on_destroy = _action(volumes.show_delete_on_destroy, "show_delvol_on_destroy")
    delvol_on_destroy = _action(volumes.delete_on_destroy, "delvol_on_destroy")
    keepvol_on_destroy = _action(volumes.keep_on_destroy, "keepvol_on_destroy")
    attach_volume = _action(volumes.attach, "attach_volume")
    detach_volume = _either(volumes.detach, "detach_volume")
    create_attach_volumes = _action(volumes.create_attached, "create_attach_volumes")
    get_tags = _either(attributes.get_tags, "get_tags")
    set_tags = _either(attributes.set_tags, "set_tags")
    del_tags = _either(attributes.del_tags, "del_tags")
    update_pricing = _refused("update_pricing", parity.FUNCTIONS["update_pricing"].why)
