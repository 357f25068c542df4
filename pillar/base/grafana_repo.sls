{% import_yaml 'fleet/versions.yaml' as versions %}
grafana_repo:
  versions: {{ versions.grafana | json }}
