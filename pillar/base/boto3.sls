# What Salt needs on a host to call AWS: included by the roles that do.
{% import_yaml 'fleet/versions.yaml' as versions %}
minion:
  extensions:
    boto3: '{{ versions.boto3 }}'
    botocore: '{{ versions.boto3 }}'
    jmespath: '1.1.0'
    s3transfer: '0.19.3'
    saltext-boto3: '1.2.0'
