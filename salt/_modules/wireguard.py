"""WireGuard for administrators: who may come in, and what each of them needs for it.

    salt-call wireguard.client ann 198.51.100.20

on the control node prints the settings of ann's side but for her private key, which never leaves her machine.
"""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path
from typing import Any

from salt.exceptions import CommandExecutionError

PUBLIC_KEY = "/etc/wireguard/public.key"


def peers(wireguard: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return the peers by name, sorted: ``public_key`` and ``address``.

    Args:
        wireguard: the pillar key ``wireguard``, merged with the formula's defaults.

    Raises:
        CommandExecutionError: an address is not one of the tunnel's, or two peers share an address or a
            key: the later one would silently take the traffic of the other.
    """
    interface = IPv4Interface(wireguard["address"])
    reserved = {interface.network.network_address, interface.network.broadcast_address, interface.ip}
    taken: dict[str, str] = {}
    for name, peer in sorted(wireguard["peers"].items()):
        where = f"wireguard:peers:{name}"
        if (address := IPv4Address(peer["address"])) not in interface.network or address in reserved:
            raise CommandExecutionError(
                f"{where}:address: expected an address of {interface.network} that is not {interface.ip}, "
                f"got {address}"
            )
        for key in ("address", "public_key"):
            if other := taken.get(peer[key]):
                raise CommandExecutionError(f"{where}:{key}: expected one of its own, got that of {other}")
            taken[peer[key]] = name
    return dict(sorted(wireguard["peers"].items()))


def client(name: str, address: str) -> str:
    """Return the configuration file of a peer (wg-quick(8)), where its private key is still to be put.

    Args:
        name: the peer's, in pillar.
        address: at which administrators reach this host from outside.

    Raises:
        CommandExecutionError: pillar has no such peer, or no highstate has made this host's key.
    """
    wireguard = __salt__["slsutil.merge"](_defaults(), __pillar__["wireguard"])
    found = peers(wireguard)
    if name not in found:
        raise CommandExecutionError(
            f"wireguard:peers: no peer {name!r}; there are: {', '.join(found) or 'none'}"
        )
    if not Path(PUBLIC_KEY).exists():
        raise CommandExecutionError(f"{PUBLIC_KEY} is not there: apply the state wireguard first")
    interface = IPv4Interface(wireguard["address"])
    reached = [str(interface.network), *wireguard["networks"]]
    return "\n".join(
        [
            "[Interface]",
            "# PrivateKey = what `wg genkey` gave you",
            f"Address = {found[name]['address']}/32",
            f"DNS = {interface.ip}, {__pillar__['fleet']['zone']}",
            f"MTU = {wireguard['mtu']}",
            "",
            "[Peer]",
            f"PublicKey = {Path(PUBLIC_KEY).read_text().strip()}",
            f"Endpoint = {address}:{wireguard['port']}",
            f"AllowedIPs = {', '.join(reached)}",
            "PersistentKeepalive = 25",
        ]
    )


def _defaults() -> dict[str, Any]:
    """Return the formula's defaults, as its map.jinja reads them."""
    defaults: dict[str, Any] = __salt__["slsutil.renderer"]("salt://wireguard/defaults.yaml")
    return defaults
