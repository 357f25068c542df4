{% import_yaml 'fleet/services.yaml' as services %}
include:
  - boto3
database:
  port: {{ services.database.port }}
  # Addresses of the VPC; the security group lets only the application's hosts through.
  clients: ['10.0.%']
minion:
  extensions:
    PyMySQL: '1.2.4'
