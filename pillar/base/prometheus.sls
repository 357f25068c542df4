{% import_yaml 'fleet/services.yaml' as services %}
prometheus:
  port: {{ services.prometheus.port }}
