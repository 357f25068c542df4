{% import_yaml 'fleet/roles.yaml' as roles %}
{% import_yaml 'fleet/services.yaml' as services %}
{% import_yaml 'fleet/versions.yaml' as versions %}
# `fleet:hosts` is added by the external pillar salt/_pillar/fleet_map.py, which reads the maps.
fleet:
  name: saltwatch
  zone: saltwatch.internal
  roles: {{ roles | json }}
  services: {{ services | json }}
  versions: {{ versions | json }}
  # Services whose formula or package is not there: every reader of the catalogue subtracts them.
  unavailable: [loki, tempo, tempo_otlp, mimir, grafana, alloy]
