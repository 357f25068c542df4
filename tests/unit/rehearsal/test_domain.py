"""The certificate that ACM has of the load balancer's domain in the rehearsal."""

import boto3
from cryptography import x509
from moto import mock_aws

from rehearsal import domain


def test_it_is_imported_once_and_names_the_domain() -> None:
    """Mutants: imported at every run; another name in the certificate; one of another domain taken for it."""
    with mock_aws():
        acm = boto3.client("acm", "eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
        assert domain.ensure(acm, "www.other.example")
        assert domain.ensure(acm, domain.DOMAIN)
        assert not domain.ensure(acm, domain.DOMAIN)
        listed = acm.list_certificates(Includes={"keyTypes": ["EC_prime256v1"]})["CertificateSummaryList"]
        (arn,) = (each["CertificateArn"] for each in listed if each["DomainName"] == domain.DOMAIN)
        pem = acm.get_certificate(CertificateArn=arn)["Certificate"]
    names = x509.load_pem_x509_certificate(pem.encode()).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert names.value.get_values_for_type(x509.DNSName) == [domain.DOMAIN]
