{% import_yaml 'aws.sls' as aws %}
{% import_yaml 'fleet/services.yaml' as services %}
{% import_yaml 'fleet/versions.yaml' as versions %}
master:
  publish_port: {{ services.salt_publish.port }}
  request_port: {{ services.salt_request.port }}
  region: {{ aws.aws.region }}
minion:
  extensions:
    boto3: '{{ versions.boto3 }}'
    jsonschema: '4.26.0'
    saltext-boto3: '1.2.0'
common:
  ssh:
    AllowTcpForwarding: local  # administrators reach the other hosts through this one
