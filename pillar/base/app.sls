{% import_yaml 'fleet/services.yaml' as services %}
include:
  - nginx
app:
  port: {{ services.app.port }}
  database_port: {{ services.database.port }}
  otlp_port: 4318  # Alloy's, on the loopback address
