{% import_yaml 'fleet/services.yaml' as services %}
alertmanager:
  port: {{ services.alertmanager.port }}
  cluster_port: {{ services.alertmanager_cluster.port }}
