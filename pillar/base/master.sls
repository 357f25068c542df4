{% import_yaml 'aws.sls' as aws %}
{% import_yaml 'fleet/services.yaml' as services %}
include:
  - boto3
  - watchdog
  - wireguard
  - drift
master:
  publish_port: {{ services.salt_publish.port }}
  request_port: {{ services.salt_request.port }}
  region: {{ aws.aws.region }}
minion:
  extensions:
    attrs: '26.1.0'
    jsonschema: '4.26.0'
    jsonschema-specifications: '2025.9.1'
    referencing: '0.37.0'
    rpds-py: '2026.9.1'
common:
  ssh:
    AllowTcpForwarding: local  # administrators reach the other hosts through this one
