"""The certificate of the application's host, and a website that is trusted for nothing else."""

import ssl

import catalogue
import remote
from website import Website

FILE = "/etc/nginx/tls.pem"


def certificate() -> str:
    """Return the certificate that the host has now, PEM; not its key."""
    return remote.run(catalogue.host_of("app"), "openssl", "x509", "-in", FILE)


def name() -> str:
    """Return the name that it is for."""
    return f"{catalogue.host_of('app')}.{catalogue.fleet()['zone']}"


def website(address: str, server: str = "") -> Website:
    """Return the application by HTTPS, as ``server`` (default: as its own name)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=certificate())
    return Website(address, server or name(), context)
