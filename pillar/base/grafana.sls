{% import_yaml 'fleet/services.yaml' as services %}
grafana:
  port: {{ services.grafana.port }}
