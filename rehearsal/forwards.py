"""Ports of this machine's loopback that lead to the fleet, so that its URLs open in a browser here."""

import socket
from collections.abc import Collection

from rehearsal.progress import StepError
from rehearsal.settings import Settings

# Name of the URL, host, port there. A port is typed in the catalogue only; these are looked up in it.
TARGETS = {
    "application": ("app-1", "http"),
    "prometheus": ("prometheus-1", "prometheus"),
    "alertmanager": ("prometheus-1", "alertmanager"),
    "grafana": ("grafana-1", "grafana"),
}
# How to get in where a password is asked for. It is not printed: the terminal may be a CI's.
LOGINS = {
    "grafana": "user admin; the password: ./rehearse ssh grafana-1 sudo cat /etc/grafana/admin-password"
}


def ports(settings: Settings) -> dict[str, int]:
    """Return the loopback port of each target."""
    return {name: settings.forward_base + number for number, name in enumerate(TARGETS)}


def urls(settings: Settings, hosts: Collection[str], unavailable: Collection[str]) -> dict[str, str]:
    """Return what to open, by name.

    Args:
        settings: Of the rehearsal.
        hosts: Those that the fleet has.
        unavailable: Services of the catalogue that they do not have.
    """
    there = {
        name for name, (host, service) in TARGETS.items() if host in hosts and service not in unavailable
    }
    return {name: f"http://127.0.0.1:{port}/" for name, port in ports(settings).items() if name in there}


def listen(settings: Settings) -> dict[str, socket.socket]:
    """Return a listening socket per target, made in this process's network namespace.

    Raises:
        StepError: A port is in use.
    """
    sockets = {}
    for name, port in ports(settings).items():
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError as error:
            for other in sockets.values():
                other.close()
            raise StepError(
                f"port {port} of 127.0.0.1, for {name}, is in use ({error.strerror})",
                advice=f"stop what listens there: ss -ltnp 'sport = :{port}'",
            ) from error
        listener.listen()
        sockets[name] = listener
    return sockets
