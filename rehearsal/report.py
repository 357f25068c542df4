"""Tables for people: the fleet after a run, and as it is now."""

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from rehearsal import forwards, local
from rehearsal.highstate import Outcome
from rehearsal.inventory import Host
from rehearsal.settings import Settings

MIB = 2**20


def print_outcome(
    console: Console,
    hosts: list[Host],
    roles: Mapping[str, list[str]],
    outcomes: Mapping[str, Outcome],
    tests: Mapping[str, str],
    skipped: Mapping[str, str],
) -> None:
    """Print the final table: host, address, roles, highstate, tests; then what was left out and why.

    Args:
        console: Where to.
        hosts: The fleet's instances.
        roles: Roles by minion id.
        outcomes: The highstate's answers by minion id.
        tests: What became of each host's own tests, by minion id.
        skipped: Reason by service that is not there.
    """
    table = Table("Host", "Address", "Roles", "States ok", "changed", "failed", "Tests passed")
    for host in hosts:
        outcome = outcomes.get(host.name)
        counts = (
            [str(outcome.succeeded), str(len(outcome.changes)), str(outcome.failed)]
            if outcome and outcome.succeeded + outcome.failed
            else ["-", "-", "no answer" if outcome is None else "refused"]
        )
        address = host.private_ip + (f" ({host.public_ip})" if host.public_ip else "")
        table.add_row(
            host.name, address, " ".join(roles.get(host.name, [])), *counts, tests.get(host.name, "-")
        )
    console.print(table)
    for service, reason in skipped.items():
        console.print(f"SKIPPED {service}: {reason}", style="yellow", highlight=False)


def print_urls(console: Console, urls: Mapping[str, str]) -> None:
    """Print what to open on this machine, and how to get in where a password is asked for."""
    for name, url in urls.items():
        console.print(f"  {name:14} {url}", highlight=False)
        if name in forwards.LOGINS:
            console.print(f"  {'':14} {forwards.LOGINS[name]}", highlight=False, soft_wrap=True)


def print_status(settings: Settings, console: Console) -> None:
    """Print what runs now, with memory, by asking the region."""
    from rehearsal.lock import holder
    from rehearsal.region.client import Region

    busy = holder(settings)
    if busy:
        console.print(f"At work: {busy}", highlight=False)
    region = Region(settings)
    if not region.answers():
        console.print("The fleet is not up. Run ./rehearse")
        return
    status = region.status()
    table = Table("Host", "Instance", "Address", "State", "SSH after", "Memory")
    for host in sorted(status["hosts"], key=lambda one: one["name"]):
        boot, memory = host["boot_seconds"], host["memory_bytes"]
        table.add_row(
            host["name"],
            host["id"],
            host["private_ip"] + (f" ({host['public_ip']})" if host["public_ip"] else ""),
            host["state"],
            f"{boot:.1f} s" if boot is not None else "-",
            f"{memory / MIB:.0f} MiB" if memory else "-",
        )
    console.print(table)
    console.print(f"Region: {status['memory_bytes'] / MIB:.0f} MiB", highlight=False)
    hosts = {host["name"] for host in status["hosts"]}
    print_urls(console, forwards.urls(settings, hosts, local.unavailable(settings.checkout)))
