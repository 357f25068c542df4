"""The certificate of a load balancer's domain in ACM, where AWS wants one that a person has had issued.

Run as ``python -m rehearsal.domain DOMAIN`` with AWS credentials. It signs itself, so clients have to be
given it.
"""

import datetime
import sys
from typing import Any

import boto3
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

DOMAIN = "www.saltwatch.example"
LIFETIME = datetime.timedelta(days=90)


def ensure(acm: Any, domain: str) -> bool:
    """Import a certificate of a domain unless there is an issued one.

    Args:
        acm: boto3's client of ACM.
        domain: for which it is.

    Returns:
        Whether one was imported.
    """
    pages = acm.get_paginator("list_certificates").paginate(
        CertificateStatuses=["ISSUED"], Includes={"keyTypes": ["EC_prime256v1"]}
    )
    if domain in {each["DomainName"] for page in pages for each in page["CertificateSummaryList"]}:
        return False
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, domain)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(domain)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    acm.import_certificate(
        Certificate=certificate.public_bytes(Encoding.PEM),
        PrivateKey=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )
    return True


if __name__ == "__main__":
    ensure(boto3.client("acm"), sys.argv[1])
