"""The rehearsal's certificate authority and the certificate that every AWS name is served with."""

import datetime
import os
import ssl
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from rehearsal.settings import Settings

LIFETIME = datetime.timedelta(days=825)  # the longest that browsers accept
RENEW_BEFORE = datetime.timedelta(days=30)
GLOBAL_REGION = "us-east-1"  # where IAM, STS, Route 53 and CloudFront answer


def aws_names(region: str) -> list[str]:
    """Return the host names of AWS's endpoints that clients of ``region`` use, as certificate wildcards."""
    names = ["*.amazonaws.com", "*.api.aws", "*.pki.rds.amazonaws.com"]
    for place in sorted({region, GLOBAL_REGION}):
        names += [
            f"*.{place}.amazonaws.com",
            f"*.s3.{place}.amazonaws.com",
            f"*.ddb.{place}.amazonaws.com",  # DynamoDB, by account
            f"*.dualstack.{place}.amazonaws.com",
            f"*.{place}.api.aws",
        ]
    return [*names, "*.s3.amazonaws.com", "s3.amazonaws.com"]


def _write(path: Path, data: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    temporary = path.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _builder(
    subject: str, issuer: x509.Name | None, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer or name)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))  # hosts' clocks may lag
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _expires_soon(certificate: Path) -> bool:
    loaded = x509.load_pem_x509_certificate(certificate.read_bytes())
    return loaded.not_valid_after_utc < datetime.datetime.now(datetime.UTC) + RENEW_BEFORE


def _authority(settings: Settings) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    certificate_path = settings.ca_certificate
    key_path = certificate_path.with_name("ca.key")
    if key_path.exists() and certificate_path.exists() and not _expires_soon(certificate_path):
        key = serialization.load_pem_private_key(key_path.read_bytes(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError(f"{key_path}: expected an elliptic curve key")
        return x509.load_pem_x509_certificate(certificate_path.read_bytes()), key
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key()
    # Constrained to AWS's names: a rehearsal's authority that leaked could vouch for nothing else.
    constraint = x509.NameConstraints([x509.DNSName("amazonaws.com"), x509.DNSName("api.aws")], None)
    certificate = (
        _builder(f"Saltwatch rehearsal CA ({settings.prefix})", None, public)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .add_extension(constraint, critical=True)
        .sign(key, hashes.SHA256())
    )
    _write(key_path, _pem(key), 0o600)
    _write(certificate_path, certificate.public_bytes(serialization.Encoding.PEM), 0o644)
    return certificate, key


def ensure_authority(settings: Settings) -> Path:
    """Make the certificate authority if there is none yet.

    Returns:
        The path of its certificate, for trust stores.
    """
    _authority(settings)
    return settings.ca_certificate


def server_context(settings: Settings) -> ssl.SSLContext:
    """Return a TLS server context with a fresh certificate for AWS's names, signed by the authority.

    The certificate and its key are made anew at each start: nothing pins them.
    """
    path = settings.state / "ca" / "server.pem"
    issue(settings, path, aws_names(settings.region))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def issue(settings: Settings, path: Path, host_names: Sequence[str]) -> None:
    """Write a fresh private key and its certificate for some names, signed by the authority.

    Args:
        settings: whose authority.
        path: of the PEM file, for root alone.
        host_names: names within what the authority may vouch for, wildcards too.
    """
    authority, authority_key = _authority(settings)
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.DNSName(name) for name in host_names]
    issuer_id = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    certificate = (
        _builder("amazonaws.com", authority.subject, key.public_key())
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_id), critical=False
        )
        .sign(authority_key, hashes.SHA256())
    )
    _write(path, _pem(key) + certificate.public_bytes(serialization.Encoding.PEM), 0o600)
