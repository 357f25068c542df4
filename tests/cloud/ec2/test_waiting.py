"""Waiting for machines: what it asks of the API."""

import time

import pytest
from _ec2 import launch, waiting
from _ec2.provider import Provider


@pytest.fixture
def pending(region, tmp_path):
    """Return a provider and a machine that runs after half a minute."""
    image = region.ec2.describe_images()["Images"][0]["ImageId"]
    id_ = region.ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    ordinary, started = region.calls._make, time.monotonic()

    def aws(client, operation, request):
        answer = ordinary(client, operation, request)
        if operation == "DescribeInstances" and time.monotonic() - started < 30:
            for reservation in answer["Reservations"]:
                for one in reservation["Instances"]:
                    one["State"] = {"Name": "pending"}
        return answer

    region.calls._make = aws
    region.calls.made.clear()
    return Provider("ec2", {"location": "eu-west-1"}, {"cachedir": str(tmp_path / "cache")}), id_


def wait(provider, id_):
    instance = waiting.until(
        provider, id_, lambda one: one["State"]["Name"] == "running", {}, "running machine"
    )
    assert instance["InstanceId"] == id_


def test_asked_each_interval(region, pending):
    """Mutant: asked without a pause, or never again."""
    wait(*pending)
    assert 14 <= len(region.calls.of("DescribeInstances")) <= 17


def test_asked_seldom_while_launches_queue(region, pending):
    """Describes do not grow with the queue. Mutants: the queue not looked at, or without bound."""
    provider, id_ = pending
    bucket = launch.bucket_of(provider)
    for _ in range(200):
        bucket._reserve(time.time())
    assert bucket.queue() > 60
    wait(provider, id_)
    assert 3 <= len(region.calls.of("DescribeInstances")) <= 5
