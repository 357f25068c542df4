{% import_yaml 'fleet/services.yaml' as services %}
loki:
  port: {{ services.loki.port }}
  grpc_port: {{ services.loki_grpc.port }}
  memberlist_port: {{ services.loki_memberlist.port }}
