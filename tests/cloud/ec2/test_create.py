"""What a launch asks of EC2, and what comes of it."""


def test_launch_as_profile_says(salt_cloud, region, launched, bootstrap):
    """Mutant: image chosen by max name instead of creation date, or without owner."""
    node = salt_cloud(size="t3.medium", iam_profile="web").create()
    assert node["deployed"] is True
    (request,) = region.calls.of("RunInstances")
    assert request["ImageId"] == "ami-0000000000000new1"
    assert request["InstanceType"] == "t3.medium"
    assert request["KeyName"] == "fleet"
    assert request["IamInstanceProfile"] == {"Name": "web"}
    (interface,) = request["NetworkInterfaces"]
    assert interface["SubnetId"] == region.subnets["private"]
    assert interface["Groups"] == [region.groups["base"]]
    assert interface["DeleteOnTermination"] is True
    (vm_,) = bootstrap.called
    assert vm_["ssh_host"] == launched()[0]["PrivateIpAddress"]
