"""CloudTrail, GuardDuty and CloudWatch as AWS shows them, against the requirements; and their drift."""

import json
from typing import Any

import pytest
from aws_account import Account, States, changed

OWNER = "123456789012"
BUCKET = f"saltwatch-dev-audit-{OWNER}"
TRAIL = f"arn:aws:cloudtrail:eu-west-1:{OWNER}:trail/saltwatch-audit"
PARTS = "aws.audit,aws.monitoring"
FINDINGS = "/aws/events/saltwatch-findings"
# What the fleet's own monitoring cannot see: namespace, metric, whose, and beyond which value it is told.
WATCHED = {
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "saltwatch-messages-dead", 0.0),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage", "saltwatch-messages", 300.0),
    ("AWS/DynamoDB", "ReadThrottleEvents", "saltwatch-data", 0.0),
    ("AWS/DynamoDB", "WriteThrottleEvents", "saltwatch-data", 0.0),
    ("AWS/RDS", "CPUUtilization", "saltwatch-database", 80.0),
    ("AWS/RDS", "FreeStorageSpace", "saltwatch-database", 2.0 * 2**30),  # a tenth of 20 GiB
    ("AWS/RDS", "FreeableMemory", "saltwatch-database", 100.0 * 2**20),
    ("AWS/Events", "TriggeredRules", "saltwatch-findings", 0.0),
}


@pytest.fixture(scope="module")
def account(whole: Account) -> Account:
    """The account of an operator who has switched everything on."""
    return whole


@pytest.fixture(scope="module")
def applied(account: Account) -> States:
    predicted = account.apply(PARTS, "test=True")
    assert account.client("cloudtrail").list_trails()["Trails"] == [], "test=True wrote something"
    assert account.client("cloudwatch").describe_alarms()["MetricAlarms"] == []
    states = account.apply(PARTS)
    assert changed(predicted) == changed(states)
    assert set(changed(states)) == set(states)
    return states


def test_every_call_in_every_region_is_recorded(account: Account, applied: States) -> None:
    # Mutants: any of `settings` in present() left out; create() without start_logging.
    cloudtrail = account.client("cloudtrail")
    trail = cloudtrail.get_trail(Name=TRAIL)["Trail"]
    assert trail["IsMultiRegionTrail"]
    assert trail["IncludeGlobalServiceEvents"]
    assert trail["LogFileValidationEnabled"]
    assert trail["S3BucketName"] == BUCKET
    assert cloudtrail.get_trail_status(Name=TRAIL)["IsLogging"]
    (selector,) = cloudtrail.get_event_selectors(TrailName=TRAIL)["EventSelectors"]
    assert (selector["ReadWriteType"], selector["IncludeManagementEvents"]) == ("All", True)
    assert not selector.get("ExcludeManagementEventSources")
    (listed,) = cloudtrail.list_tags(ResourceIdList=[TRAIL])["ResourceTagList"]
    assert {tag["Key"]: tag["Value"] for tag in listed["TagsList"]} == {
        "Fleet": "saltwatch",
        "Environment": "dev",
        "Name": "saltwatch-audit",
    }


def test_the_trail_is_encrypted_and_kept_for_90_days(account: Account, applied: States) -> None:
    # Mutants: create_trail without KmsKeyId; `expire: 30` in audit.sls.
    s3 = account.client("s3")
    key = account.client("kms").describe_key(KeyId="alias/saltwatch-dev-audit")["KeyMetadata"]["Arn"]
    assert account.client("cloudtrail").get_trail(Name=TRAIL)["Trail"]["KmsKeyId"] == key
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
    assert rule["Expiration"]["Days"] == 90
    assert set(s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"].values()) == {True}


def test_only_this_trail_may_write(account: Account, applied: States) -> None:
    # Mutants: TrailWrites without its Condition, or on all of the bucket; key_policy() without `services`.
    policy = json.loads(account.client("s3").get_bucket_policy(Bucket=BUCKET)["Policy"])
    statements = {each["Sid"]: each for each in policy["Statement"]}
    assert set(statements) == {"TlsOnly", "TrailAsksForAcl", "TrailWrites"}
    kms = account.client("kms")
    key = kms.describe_key(KeyId="alias/saltwatch-dev-audit")["KeyMetadata"]["KeyId"]
    of_key = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])["Statement"]
    (encrypts,) = [each for each in of_key if "Service" in each["Principal"]]
    admitted = [statements["TrailAsksForAcl"], statements["TrailWrites"], encrypts]
    for statement in admitted:
        assert statement["Principal"] == {"Service": "cloudtrail.amazonaws.com"}
        assert statement["Condition"]["StringEquals"]["aws:SourceArn"] == TRAIL
    assert [each["Action"] for each in admitted[:2]] == ["s3:GetBucketAcl", "s3:PutObject"]
    assert admitted[1]["Resource"] == f"arn:aws:s3:::{BUCKET}/AWSLogs/{OWNER}/*"
    assert "kms:GenerateDataKey*" in encrypts["Action"]


def test_guardduty_watches(account: Account, applied: States) -> None:
    # Mutant: create_detector with Enable False.
    guardduty = account.client("guardduty")
    (detector,) = guardduty.list_detectors()["DetectorIds"]
    found = guardduty.get_detector(DetectorId=detector)
    assert (found["Status"], found["FindingPublishingFrequency"]) == ("ENABLED", "FIFTEEN_MINUTES")
    assert found["Tags"]["Fleet"] == "saltwatch"


def test_findings_are_kept_for_a_week(account: Account, applied: States) -> None:
    # Mutants: the group without its days, or without its tags; the policy for all groups.
    logs = account.client("logs")
    (group,) = logs.describe_log_groups()["logGroups"]
    assert (group["logGroupName"], group["retentionInDays"]) == (FINDINGS, 7)
    assert logs.list_tags_for_resource(resourceArn=group["logGroupArn"])["tags"]["Fleet"] == "saltwatch"
    (policy,) = logs.describe_resource_policies()["resourcePolicies"]
    statements = json.loads(policy["policyDocument"])["Statement"]
    assert {each["Action"] for each in statements} == {"logs:CreateLogStream", "logs:PutLogEvents"}
    assert {each["Resource"] for each in statements} == {f"{group['logGroupArn']}:*"}


def lines(account: Account) -> list[dict[str, Any]]:
    found = account.client("logs").filter_log_events(logGroupName=FINDINGS)["events"]
    return [json.loads(each["message"]) for each in found]


def find(account: Account, kinds: dict[str, float]) -> None:
    """Have GuardDuty find something: severities by kind."""
    account.client("events").put_events(
        Entries=[
            {
                "Source": "aws.guardduty",
                "DetailType": "GuardDuty Finding",
                "Detail": json.dumps({"type": kind, "severity": severity}),
            }
            for kind, severity in kinds.items()
        ]
    )


def test_a_grave_finding_is_handed_on(account: Account, applied: States) -> None:
    # Mutants: `_SEVERITY` of 9; `detail-type` misspelt; no target.
    find(account, {"Recon:EC2/Portscan": 8.0, "Policy:IAMUser/RootCredentialUsage": 2.0})
    assert [line["detail"]["type"] for line in lines(account)] == ["Recon:EC2/Portscan"]


def test_alarms(account: Account, applied: States) -> None:
    # Mutants: any alarm taken out of alarms.yaml; `threshold: 5` there; present() without TreatMissingData.
    cloudwatch = account.client("cloudwatch")
    alarms = cloudwatch.describe_alarms()["MetricAlarms"]
    found = {
        (alarm["Namespace"], alarm["MetricName"], dimension["Value"], alarm["Threshold"])
        for alarm in alarms
        for dimension in alarm["Dimensions"]
    }
    assert found == WATCHED
    for alarm in alarms:
        wanted = "LessThanThreshold" if alarm["MetricName"].startswith("Free") else "GreaterThanThreshold"
        assert (alarm["ComparisonOperator"], alarm["TreatMissingData"]) == (wanted, "notBreaching")
        assert alarm["EvaluationPeriods"] * alarm["Period"] <= 3600
        tags = cloudwatch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"]
        assert {"Key": "Fleet", "Value": "saltwatch"} in tags


def test_dashboard_shows_what_is_watched(account: Account, applied: States) -> None:
    # Mutants: widgets() without the states; `range(1)` of the alarms.
    body = account.client("cloudwatch").get_dashboard(DashboardName="saltwatch-dev")["DashboardBody"]
    states, *graphs = json.loads(body)["widgets"]
    alarms = account.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert set(states["properties"]["alarms"]) == {alarm["AlarmArn"] for alarm in alarms}
    shown = {
        (*graph["properties"]["metrics"][0][:2], graph["properties"]["metrics"][0][3]) for graph in graphs
    }
    assert shown == {watched[:3] for watched in WATCHED}
    places = {(graph["x"], graph["y"]) for graph in graphs}
    assert len(places) == len(graphs), "one lies on another"


def silences(account: Account) -> None:
    """Keep what is found from being told."""
    logs, events, cloudwatch = account.client("logs"), account.client("events"), account.client("cloudwatch")
    logs.delete_retention_policy(logGroupName=FINDINGS)
    logs.delete_resource_policy(policyName="saltwatch-findings")
    events.put_rule(Name="saltwatch-findings", EventPattern='{"source": ["aws.guardduty"]}', State="DISABLED")
    events.remove_targets(Rule="saltwatch-findings", Ids=["saltwatch-findings"])
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=["saltwatch-queue-age"])["MetricAlarms"]
    known = ("Namespace", "MetricName", "Statistic", "Period", "Dimensions", "EvaluationPeriods")
    cloudwatch.put_metric_alarm(
        AlarmName="saltwatch-queue-age",
        **{key: alarm[key] for key in known},
        Threshold=1e9,
        ComparisonOperator="GreaterThanThreshold",
    )
    cloudwatch.delete_alarms(AlarmNames=["saltwatch-dead-letters"])
    cloudwatch.put_dashboard(DashboardName="saltwatch-dev", DashboardBody='{"widgets": []}')


def hides_in_the_trail(cloudtrail: Any) -> None:
    cloudtrail.stop_logging(Name=TRAIL)
    cloudtrail.put_event_selectors(
        TrailName=TRAIL,
        EventSelectors=[
            {
                "ReadWriteType": "WriteOnly",
                "IncludeManagementEvents": True,
                "DataResources": [],
                "ExcludeManagementEventSources": ["kms.amazonaws.com"],
            }
        ],
    )


def test_an_intruder_is_shown_and_undone(account: Account, applied: States) -> None:
    # Mutants: `update` of the trail without start_logging, put_event_selectors or update_trail; `update` of
    # the detector that does nothing; `logging` left out of `desired`.
    cloudtrail, guardduty = account.client("cloudtrail"), account.client("guardduty")
    hides_in_the_trail(cloudtrail)
    elsewhere = account.client("kms").create_key()["KeyMetadata"]["Arn"]
    cloudtrail.update_trail(
        Name=TRAIL, EnableLogFileValidation=False, IsMultiRegionTrail=False, KmsKeyId=elsewhere
    )
    cloudtrail.remove_tags(ResourceId=TRAIL, TagsList=[{"Key": "Fleet", "Value": "saltwatch"}])
    (detector,) = guardduty.list_detectors()["DetectorIds"]
    guardduty.update_detector(DetectorId=detector, Enable=False, FindingPublishingFrequency="SIX_HOURS")
    silences(account)
    predicted, states = account.apply(PARTS, "test=True"), account.apply(PARTS)
    assert changed(predicted) == changed(states)
    assert set(changed(states)) == {
        "aws-trail",
        "aws-guardduty",
        "aws-findings-group",
        "aws-findings-policy",
        "aws-findings-rule",
        "aws-alarm-saltwatch-dead-letters",
        "aws-alarm-saltwatch-queue-age",
        "aws-dashboard",
    }
    assert set(changed(states)["aws-trail"]["old"]) == {
        "IsMultiRegionTrail",
        "validation",
        "kms_key",
        "events",
        "logging",
        "tags",
    }
    assert changed(account.apply(PARTS)) == {}
    test_every_call_in_every_region_is_recorded(account, states)
    test_the_trail_is_encrypted_and_kept_for_90_days(account, states)
    test_guardduty_watches(account, states)
    test_findings_are_kept_for_a_week(account, states)
    test_alarms(account, states)
    test_dashboard_shows_what_is_watched(account, states)


@pytest.mark.long
def test_somebody_elses_detector_is_left_alone(account: Account, applied: States) -> None:
    # Mutants: `read` that compares any detector's settings; detectors_absent without its tags;
    # groups_absent that does not look at what is stored.
    guardduty = account.client("guardduty")
    (ours,) = guardduty.list_detectors()["DetectorIds"]
    guardduty.delete_detector(DetectorId=ours)
    theirs = guardduty.create_detector(
        Enable=True, FindingPublishingFrequency="ONE_HOUR", Tags={"Fleet": "other"}
    )["DetectorId"]
    assert changed(account.apply("aws.audit")) == {}
    find(account, {"Recon:EC2/Portscan": 8.0})
    refused = account.apply("aws.absent", fails=True)
    assert FINDINGS in refused["aws-absent-groups"]["comment"]
    assert lines(account)
    account.apply("aws.absent", 'pillar={"aws": {"delete_data": true}}')
    assert guardduty.list_detectors()["DetectorIds"] == [theirs]
    assert account.client("cloudtrail").list_trails()["Trails"] == []
    guardduty.update_detector(DetectorId=theirs, Enable=False)
    state = account.apply("aws.audit", fails=True)["aws-guardduty"]
    assert (state["result"], state["changes"]) == (False, {})
    assert "switched off" in state["comment"]
    assert guardduty.get_detector(DetectorId=theirs)["Status"] == "DISABLED"
