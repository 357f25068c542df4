{% import_yaml 'fleet/services.yaml' as services %}
prometheus:
  port: {{ services.prometheus.port }}
  remote_write_receiver: True  # Tempo's metrics: pillar/base/tempo.sls
