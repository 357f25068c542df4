"""What someone changed by hand is shown, and mended by the next apply, with nothing made twice."""

from collections.abc import Callable
from typing import Any

import pytest
from aws_account import Account, States, changed
from snapshot import snapshot

ANYONE = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
ANYONE_6 = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 9, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
ADMIN = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}], "Version": "2012-10-17"}


class Hand:
    """Someone with a console."""

    def __init__(self, account: Account) -> None:
        self.ec2 = account.client("ec2")
        self.iam = account.client("iam")
        self.route53 = account.client("route53")

    def id(self, kind: str, name: str) -> str:
        filters = [
            {"Name": "resource-type", "Values": [kind]},
            {"Name": "key", "Values": ["Name"]},
            {"Name": "value", "Values": [name]},
        ]
        (found,) = self.ec2.describe_tags(Filters=filters)["Tags"]
        return found["ResourceId"]

    def untag(self, kind: str, name: str, *keys: str) -> None:
        self.ec2.delete_tags(Resources=[self.id(kind, name)], Tags=[{"Key": key} for key in keys])

    def opens_ssh(self) -> None:
        group = self.id("security-group", "saltwatch-base")
        self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[ANYONE, ANYONE_6])

    def closes_the_app(self) -> None:
        group = self.id("security-group", "saltwatch-app")
        web = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        self.ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[web])

    def rewords_a_rule(self) -> None:
        group = self.id("security-group", "saltwatch-base")
        peer = {"CidrIp": "0.0.0.0/0", "Description": "temporary"}
        rule = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [peer]}
        self.ec2.update_security_group_rule_descriptions_egress(GroupId=group, IpPermissions=[rule])

    def opens_the_default_group(self) -> None:
        vpc = [{"Name": "vpc-id", "Values": [self.id("vpc", "saltwatch")]}]
        groups = self.ec2.describe_security_groups(
            Filters=[*vpc, {"Name": "group-name", "Values": ["default"]}]
        )
        group = groups["SecurityGroups"][0]["GroupId"]
        self.ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[ANYONE])

    def turns_host_names_off(self) -> None:
        vpc = self.id("vpc", "saltwatch")
        self.ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": False})
        self.untag("vpc", "saltwatch", "Name")

    def hands_out_public_addresses(self) -> None:
        subnet = self.id("subnet", "saltwatch-private-a")
        self.ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
        self.untag("subnet", "saltwatch-private-a", "Name", "Fleet")

    def forgets_the_gateway(self) -> None:
        self.untag("internet-gateway", "saltwatch", "Name", "Environment")

    def forgets_the_nat_gateways_address(self) -> None:
        (address,) = self.ec2.describe_addresses()["Addresses"]
        self.ec2.delete_tags(Resources=[address["AllocationId"]], Tags=[{"Key": "Name"}])

    def makes_a_private_subnet_public(self) -> None:
        table = self.id("route-table", "saltwatch-private-b")
        gateway = self.id("internet-gateway", "saltwatch")
        self.ec2.replace_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
        self.ec2.create_route(RouteTableId=table, DestinationCidrBlock="192.0.2.0/24", GatewayId=gateway)

    def moves_a_subnet(self) -> None:
        subnet = self.id("subnet", "saltwatch-private-a")
        tables = self.ec2.describe_route_tables(
            Filters=[{"Name": "association.subnet-id", "Values": [subnet]}]
        )
        (moved,) = [
            each["RouteTableAssociationId"]
            for each in tables["RouteTables"][0]["Associations"]
            if each.get("SubnetId") == subnet
        ]
        public = self.id("route-table", "saltwatch-public")
        self.ec2.replace_route_table_association(AssociationId=moved, RouteTableId=public)

    def cuts_s3_off(self) -> None:
        endpoint = self.id("vpc-endpoint", "saltwatch-s3")
        table = self.id("route-table", "saltwatch-private-a")
        self.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, RemoveRouteTableIds=[table])

    def replaces_the_key(self) -> None:
        self.ec2.delete_key_pair(KeyName="saltwatch-operator")
        self.ec2.create_key_pair(KeyName="saltwatch-operator")

    def extends_a_role(self) -> None:
        self.iam.put_role_policy(
            RoleName="saltwatch-app", PolicyName="extra", PolicyDocument=str(ADMIN).replace("'", '"')
        )
        self.iam.untag_role(RoleName="saltwatch-app", TagKeys=["Environment"])

    def own_policy(self) -> str:
        """Return a policy that is the console's own: mending detaches it and leaves it."""
        for policy in self.iam.list_policies(Scope="Local")["Policies"]:
            if policy["PolicyName"] == "all":
                return str(policy["Arn"])
        document = str(ADMIN).replace("'", '"')
        return str(self.iam.create_policy(PolicyName="all", PolicyDocument=document)["Policy"]["Arn"])

    def attaches_a_policy(self) -> None:
        self.iam.attach_role_policy(RoleName="saltwatch-loki", PolicyArn=self.own_policy())

    def lets_anyone_assume_a_role(self) -> None:
        trust = {**ADMIN, "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}]}
        self.iam.update_assume_role_policy(
            RoleName="saltwatch-tempo", PolicyDocument=str(trust).replace("'", '"')
        )

    def empties_a_profile(self) -> None:
        self.iam.remove_role_from_instance_profile(
            InstanceProfileName="saltwatch-mimir", RoleName="saltwatch-mimir"
        )

    def redirects_a_service(self) -> None:
        (zone,) = self.route53.list_hosted_zones()["HostedZones"]
        record = {
            "Name": "grafana.saltwatch.internal",
            "Type": "CNAME",
            "TTL": 60,
            "ResourceRecords": [{"Value": "evil.example"}],
        }
        change = {"Action": "UPSERT", "ResourceRecordSet": record}
        self.route53.change_resource_record_sets(HostedZoneId=zone["Id"], ChangeBatch={"Changes": [change]})

    def untags_the_zone(self) -> None:
        (zone,) = self.route53.list_hosted_zones()["HostedZones"]
        self.route53.change_tags_for_resource(
            ResourceType="hostedzone", ResourceId=zone["Id"].rpartition("/")[2], RemoveTagKeys=["Fleet"]
        )


# Each drift, and the states that show and mend it. Some also name what follows from the first.
DRIFTS: list[tuple[Callable[[Hand], None], set[str]]] = [
    (Hand.opens_ssh, {"aws-rules-saltwatch-base"}),
    (Hand.closes_the_app, {"aws-rules-saltwatch-app"}),
    (Hand.rewords_a_rule, {"aws-rules-saltwatch-base"}),
    (Hand.opens_the_default_group, {"aws-rules-default"}),
    (Hand.moves_a_subnet, {"aws-route-table-saltwatch-public", "aws-route-table-saltwatch-private-a"}),
    (Hand.makes_a_private_subnet_public, {"aws-route-table-saltwatch-private-b"}),
    (Hand.cuts_s3_off, {"aws-endpoint-s3"}),
    (Hand.forgets_the_nat_gateways_address, {"aws-nat-gateway-public-a"}),
    (Hand.replaces_the_key, {"aws-key-pair-operator"}),
    (Hand.extends_a_role, {"aws-role-app"}),
    (Hand.attaches_a_policy, {"aws-role-loki"}),
    (Hand.lets_anyone_assume_a_role, {"aws-role-tempo"}),
    (Hand.empties_a_profile, {"aws-role-mimir"}),
    (Hand.redirects_a_service, {"aws-record-grafana.saltwatch.internal"}),
    (Hand.untags_the_zone, {"aws-zone"}),
]
LOST_NAMES: list[tuple[Callable[[Hand], None], set[str]]] = [
    (Hand.hands_out_public_addresses, {"aws-subnet-private-a"}),
    (Hand.forgets_the_gateway, {"aws-internet-gateway"}),
    (Hand.turns_host_names_off, {"aws-vpc"}),
]


def mended(account: Account, drifts: list[tuple[Callable[[Hand], None], set[str]]]) -> States:
    hand = Hand(account)
    hand.own_policy()
    before = snapshot(account)
    for drift, _ in drifts:
        drift(hand)
    assert snapshot(account) != before
    predicted = changed(account.apply("aws", "test=True"))
    states = account.apply("aws")
    assert snapshot(account) == before
    assert set(changed(states)) == set().union(*(expected for _, expected in drifts))
    # What refers to a resource by a name that it lost is predicted to change, too.
    assert {state_id: predicted.get(state_id) for state_id in changed(states)} == changed(states)
    assert changed(account.apply("aws")) == {}
    return states


@pytest.fixture(scope="module")
def applied(account: Account) -> Account:
    account.apply("aws")
    return account


def test_drift_is_shown_and_mended(applied: Account) -> None:
    # Mutants, each leaves its drift: `_PEERS` without Ipv6Ranges; `_set_routes` without delete_route;
    # `_inline_policies` that knows only ours; `update` of role_present without _detach; `_find` of a key pair
    # compared by name only; `_set_subnets` that associates without looking elsewhere.
    shown: Any = mended(applied, DRIFTS)["aws-rules-saltwatch-base"]
    assert set(shown["changes"]["old"]["ingress"]) == {"tcp 22 0.0.0.0/0", "tcp 1-9 ::/0"}


def test_what_lost_its_name_is_found_again(applied: Account) -> None:
    # Mutants: `find` with its first alternative only makes a second VPC, gateway, address.
    mended(applied, LOST_NAMES)
