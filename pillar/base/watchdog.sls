{% import_yaml 'fleet/services.yaml' as services %}
watchdog:
  port: {{ services.watchdog.port }}
