grafana:
  cloudwatch_region: eu-west-1
