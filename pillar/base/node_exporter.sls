{% import_yaml 'fleet/services.yaml' as services %}
node_exporter:
  port: {{ services.node.port }}
