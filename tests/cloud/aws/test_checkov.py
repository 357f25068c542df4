"""What prod has in AWS, judged by checkov: docs/aws/security.md answers what it finds, and nothing else."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from aws_account import CHECKOUT, DEPLOYMENT, empty_account
from template import template

from bench import venv
from rehearsal.settings import load

pytestmark = pytest.mark.long

ANSWERED = re.compile(r"^\| (CKV2?_AWS_\d+) \|", re.MULTILINE)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, str]]]:
    """What checkov says of a template of everything that the account then holds."""
    checkov = venv.ensure(load(), "checkov", Path(__file__).parent) / "checkov"
    with empty_account(
        tmp_path_factory.mktemp("operator"), environment="prod", deployment=DEPLOYMENT
    ) as account:
        account.apply("aws")
        made = template(account)
    file = tmp_path_factory.mktemp("checkov") / "template.json"
    file.write_text(json.dumps(made))
    arguments = ["--framework", "cloudformation", "--output", "json", "--skip-download", "--soft-fail"]
    answer = subprocess.run([checkov, "--file", file, *arguments], capture_output=True, text=True, check=True)
    return json.loads(answer.stdout)["results"]


def test_what_is_found_is_answered(report: dict[str, list[dict[str, str]]]) -> None:
    """Mutants: listener 443 with HTTP's protocol; a bucket without its versions; an answer to nothing."""
    found: dict[str, set[str]] = {}
    for check in report["failed_checks"]:
        found.setdefault(check["check_id"], set()).add(check["resource"])
    page = (CHECKOUT / "docs/aws/security.md").read_text()
    answered = set(ANSWERED.findall(page))
    assert {check: found[check] for check in found.keys() - answered} == {}
    assert answered - found.keys() == set(), "answers to what is no longer found"


def test_every_kind_of_resource_is_judged(report: dict[str, list[dict[str, str]]]) -> None:
    """Mutant: a kind of template.KINDS of which nothing is read."""
    checks = report["passed_checks"] + report["failed_checks"]
    judged = {check["resource"].rpartition(".")[0] for check in checks}
    assert judged >= {
        "AWS::CloudTrail::Trail",
        "AWS::DynamoDB::Table",
        "AWS::EC2::SecurityGroup",
        "AWS::ElasticLoadBalancingV2::Listener",
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::Role",
        "AWS::KMS::Key",
        "AWS::RDS::DBInstance",
        "AWS::S3::Bucket",
        "AWS::SQS::Queue",
    }
    assert not report.get("parsing_errors")
