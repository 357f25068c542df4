{% import_yaml 'fleet/services.yaml' as services %}
mimir:
  port: {{ services.mimir.port }}
  grpc_port: {{ services.mimir_grpc.port }}
  memberlist_port: {{ services.mimir_memberlist.port }}
