{% import_yaml 'aws.sls' as aws %}
{% import_yaml 'fleet/roles.yaml' as roles %}
{% import_yaml 'fleet/services.yaml' as services %}
{% import_yaml 'fleet/versions.yaml' as versions %}
# `fleet:env` and `fleet:admin_cidrs` are the environment's; `fleet:hosts` is added by the external pillar
# salt/_pillar/fleet_map.py, which reads the maps.
fleet:
  name: saltwatch
  zone: saltwatch.internal
  # Whose services the hosts use as their roles: queue, table, secrets. null where there is no AWS; passwords then
  # come from pillar/local.
  region: {{ aws.aws.region }}
  roles: {{ roles | json(sort_keys=False) }}
  services: {{ services | json(sort_keys=False) }}
  versions: {{ versions | json }}
  # Roles whose hosts have a public address; their profiles are in a public subnet.
  public_roles: [master, app]
  # Ports beside 80 and 443 on which the hosts of a role may connect to anywhere, such as a mail server's:
  # {alertmanager: [587], master: [587]}.
  egress: {}
  # Services of the catalogue whose lines Alloy sends to CloudWatch Logs, too: each to the stream `<service>-<env>` of
  # the group `/<fleet>/<group>`, which keeps them for so many days. Without any there is no group. A GB a
  # day costs 17 USD a month (docs/aws/cost.md).
  cloudwatch_logs: {group: services, days: 7, services: []}
  # Roles that AWS runs and no host, where an environment has them: RDS, whose name still leads there, and the
  # load balancer.
  managed: []
  # Services whose formula or package is not there: every reader of the catalogue subtracts them.
  unavailable: []
