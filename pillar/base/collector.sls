{% import_yaml 'fleet/services.yaml' as services %}
collector:
  port: {{ services.collector.port }}
  interval: {{ services.collector.interval }}
  file: {{ services.collector.logs.file }}
