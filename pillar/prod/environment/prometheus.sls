# The data volume is 200 GiB (prod.map).
prometheus:
  retention_size: 170GB
# CloudWatch's alarms (salt/aws/alarms.yaml) are read as metrics.
aws_alarms:
  region: eu-west-1
  prefix: saltwatch-
