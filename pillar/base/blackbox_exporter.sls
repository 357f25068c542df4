{% import_yaml 'fleet/services.yaml' as services %}
blackbox_exporter:
  port: {{ services.blackbox.port }}
