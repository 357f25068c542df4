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
  # What there is beside what the hosts stand on: storage, messaging, secrets, database, audit, monitoring,
  # load_balancer.
  # An environment names what it needs: pillar/<environment>/environment/operator.sls.
  parts: []
  # Whether AWS refuses to delete what holds data.
  protect: False
  # A bucket and a KMS key (1 USD a month) a component. After how many days an object moves to a cheaper class
  # and goes; Loki, Tempo and Mimir delete what they no longer keep themselves.
  buckets:
    loki: {old_versions: 1}
    tempo: {old_versions: 1}
    mimir: {old_versions: 1, infrequent_access: 30}
    backup: {old_versions: 30, infrequent_access: 30, glacier: 90, expire: 365}
  # RDS, where an environment has the part `database`. It grows by itself from `storage` to `max_storage` (GiB).
  database: {class: db.t4g.small, version: '8.4', storage: 20, max_storage: 100, multi_az: False, backup_days: 7}
  # The part `load_balancer`. `domain`, of which ACM has an issued certificate, comes from pillar/local, and with it
  # `public_zone`, if Route 53 is to lead the domain there. TLS 1.2 with forward secrecy, and 1.3.
  load_balancer: {tls_policy: ELBSecurityPolicy-TLS13-1-2-Res-2021-06}
  # `deployment: {repository: owner/name, environment: production}` makes a role for GitHub Actions; there is none by
  # default.
