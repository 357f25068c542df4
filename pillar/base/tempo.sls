{% import_yaml 'fleet/services.yaml' as services %}
tempo:
  port: {{ services.tempo.port }}
  otlp_port: {{ services.tempo_otlp.port }}
  metrics:
    remote_write: prometheus
