# CloudWatch's alarms (salt/aws/alarms.yaml) are read as metrics.
aws_alarms:
  region: eu-west-1
  prefix: saltwatch-
