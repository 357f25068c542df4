{% import_yaml 'fleet/roles.yaml' as roles %}
{% import_yaml 'fleet/services.yaml' as services %}
{% import_yaml 'fleet/versions.yaml' as versions %}
# `fleet:env` and `fleet:admin_cidrs` are the environment's; `fleet:hosts` is added by the external pillar
# salt/_pillar/fleet_map.py, which reads the maps.
fleet:
  name: saltwatch
  zone: saltwatch.internal
  roles: {{ roles | json(sort_keys=False) }}
  services: {{ services | json(sort_keys=False) }}
  versions: {{ versions | json }}
  # Roles whose hosts have a public address; their profiles are in a public subnet.
  public_roles: [master, app]
  # Roles that AWS runs and no host: RDS, where an environment has it. Their names still lead there.
  managed: []
  # Services whose formula or package is not there: every reader of the catalogue subtracts them.
  # `https` until nginx is given a certificate.
  unavailable: [https]
