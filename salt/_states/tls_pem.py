"""A private key and its self-signed certificate in one PEM file, which a web server reads as both.

Why not ``x509.private_key_managed`` and ``x509.certificate_managed`` of Salt 3008.3: they keep two files,
which do not belong together between the two states, and under ``test=True`` the second fails where the first
would make the key anew.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

__virtualname__ = "tls_pem"

Result = dict[str, Any]
HEADER = (
    b"# Managed by Salt: salt://_states/tls_pem.py\n"  # readers of PEM skip what is outside of its blocks
)
SKEW = timedelta(hours=1)  # that a client's clock may be behind


def __virtual__() -> str:
    """Return the module's name."""
    return __virtualname__


def self_signed(name: str, dns_names: Sequence[str], days: int, renew_days: int) -> Result:
    """Make sure that a file of root's, mode 0600, has a key and a certificate that are valid for some time.

    Both are made anew, and replaced in one step, if the file is not such a pair, is for other names, or ends
    too soon. The certificate is no authority: trusting it trusts nothing else.

    Args:
        name: the file's absolute path; its directory is there.
        dns_names: of the server; the first is the subject as well.
        days: for how long a new certificate is valid.
        renew_days: with fewer days left it is made anew.
    """
    if renew_days >= days:
        comment = f"renew_days: expected less than the {days} days for which it is valid, got {renew_days}"
        return {"name": name, "result": False, "changes": {}, "comment": comment}
    before, now = _read(Path(name)), datetime.now(UTC)
    wanted = sorted(dns_names)
    good = before is not None and before["names"] == wanted and before["ends"] > now + timedelta(renew_days)
    # What is made under test=True is thrown away.
    content = {} if good else {"contents": _make(dns_names, now, days), "show_changes": False}
    managed: Result = __states__["file.managed"](
        name, user="root", group="root", mode="0600", replace=not good, **content
    )
    if not good and managed["result"] is not False:
        managed["changes"].pop("diff", None)
        managed["changes"]["certificate"] = {
            "old": _shown(before),
            "new": f"{', '.join(wanted)}; {days} days",
        }
    return managed


def _read(path: Path) -> Result | None:
    """Return names and end of a file's certificate, None if the file is not a certificate with its key."""
    try:
        content = path.read_bytes()
        key = serialization.load_pem_private_key(content, password=None)
        certificate = x509.load_pem_x509_certificate(content)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, TypeError, x509.ExtensionNotFound):
        return None
    if key.public_key() != certificate.public_key() or content != _pem(key, certificate):
        return None
    return {"names": sorted(names.get_values_for_type(x509.DNSName)), "ends": certificate.not_valid_after_utc}


def _make(names: Sequence[str], now: datetime, days: int) -> str:
    """Return a new key and certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now + timedelta(days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    return _pem(key, builder.sign(key, hashes.SHA256())).decode()


def _pem(key: Any, certificate: x509.Certificate) -> bytes:
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return HEADER + private + certificate.public_bytes(serialization.Encoding.PEM)


def _shown(pair: Result | None) -> str | None:
    return pair and f"{', '.join(pair['names'])}; until {pair['ends']:%Y-%m-%d}"
