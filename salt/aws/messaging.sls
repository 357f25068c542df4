# What the application sends messages through and saves data in.
{%- set aws, fleet, tags = pillar['aws'], pillar['fleet']['name'], salt['aws_fleet.tags']() %}
aws-queue-dead:
  aws_sqs.present:
    - name: {{ fleet }}-messages-dead
    - attributes:
        MessageRetentionPeriod: 1209600
        Policy: {{ salt['aws_fleet.queue_policy'](fleet ~ '-messages-dead') | json }}
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}

aws-queue:
  aws_sqs.present:
    - name: {{ fleet }}-messages
    - attributes:
        dead_letter: {{ fleet }}-messages-dead
        max_receive_count: 5
        MessageRetentionPeriod: 345600
        ReceiveMessageWaitTimeSeconds: 20
        VisibilityTimeout: 60
        Policy: {{ salt['aws_fleet.queue_policy'](fleet ~ '-messages') | json }}
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-queue-dead

aws-table:
  aws_dynamodb.present:
    - name: {{ fleet }}-data
    - key: {id: S}
    - indexes:
        type-time: {type: S, time: S}
    - deletion_protection: {{ aws['protect'] }}
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}
