# What the fleet stands on in AWS (salt/aws), for the operator's machine. An environment overrides what it has
# to; `operator_public_key`, the path of the administrator's public key, comes from pillar/local.
aws:
  region: eu-west-1
  vpc_cidr: 10.0.0.0/16
  # `nat` names the subnet whose NAT gateway a private subnet uses. Each gateway costs about 35 USD a month:
  # one serves both zones, unless an environment wants to outlive the loss of a zone.
  subnets:
    public-a: {cidr: 10.0.0.0/24, zone: eu-west-1a}
    public-b: {cidr: 10.0.1.0/24, zone: eu-west-1b}
    private-a: {cidr: 10.0.10.0/24, zone: eu-west-1a, nat: public-a}
    private-b: {cidr: 10.0.11.0/24, zone: eu-west-1b, nat: public-a}
