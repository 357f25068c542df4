{% import_yaml 'fleet/services.yaml' as services %}
alloy:
  port: {{ services.alloy.port }}
  # OpenTelemetry's own ports, on the loopback address.
  otlp_grpc_port: {{ services.tempo_otlp.port }}
  otlp_http_port: 4318
