"""Waiting for machines: what it asks of the API."""

import time

import pytest
from _ec2 import launch, waiting
from _ec2.provider import Provider


def launched(region, number):
    image = region.ec2.describe_images()["Images"][0]["ImageId"]
    found = region.ec2.run_instances(ImageId=image, MinCount=number, MaxCount=number)["Instances"]
    return [one["InstanceId"] for one in found]


@pytest.fixture
def provider(region, tmp_path):
    return Provider("ec2", {"location": "eu-west-1"}, {"cachedir": str(tmp_path / "cache")})


@pytest.fixture
def pending(region):
    """Return a machine that runs after half a minute."""
    (id_,) = launched(region, 1)
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
    return id_


def wait(provider, id_, **settings):
    instance = waiting.until(
        provider, id_, lambda one: one["State"]["Name"] == "running", settings, "running machine"
    )
    assert instance["InstanceId"] == id_


def test_asked_each_interval(region, provider, pending):
    """Mutant: asked without a pause, or never again."""
    wait(provider, pending)
    assert 9 <= len(region.calls.of("DescribeInstances")) <= 12


def test_asked_seldom_while_launches_queue(region, provider, pending):
    """Describes do not grow with the queue. Mutants: the queue not looked at, or without bound."""
    bucket = launch.bucket_of(provider)
    for _ in range(200):
        bucket._reserve(time.time())
    assert bucket.queue() > 60
    wait(provider, pending)
    assert 3 <= len(region.calls.of("DescribeInstances")) <= 5


@pytest.mark.parametrize("members", [3, 30])
def test_one_look_serves_all(region, provider, tmp_path, members):
    """However many wait. Mutants: each asks for its own machine only, or does not share what it sees."""
    ids = launched(region, members)
    region.calls.made.clear()
    for id_ in ids:
        waiting._watch(provider, id_)  # as each process does before it looks
    for id_ in ids:
        own = Provider("ec2", provider.settings, provider.opts)  # of another process
        wait(own, id_, wait_for_ip_interval=60)
    assert len(region.calls.of("DescribeInstances")) == 1
