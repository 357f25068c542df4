# Metrics and the rules on them.
include:
  - prometheus
  - aws_alarms
