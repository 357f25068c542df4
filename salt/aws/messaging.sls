# What the application sends messages through and saves data in.
{%- set aws, tags, queue = pillar['aws'], salt['aws_fleet.tags'](), salt['fleet.queue']() %}
aws-queue-dead:
  aws_sqs.present:
    - name: {{ queue }}-dead
    - attributes:
        MessageRetentionPeriod: 1209600
        Policy: {{ salt['aws_fleet.queue_policy'](queue ~ '-dead') | json }}
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}

aws-queue:
  aws_sqs.present:
    - name: {{ queue }}
    - attributes:
        dead_letter: {{ queue }}-dead
        max_receive_count: 5
        MessageRetentionPeriod: 345600
        ReceiveMessageWaitTimeSeconds: 20
        VisibilityTimeout: 60
        Policy: {{ salt['aws_fleet.queue_policy'](queue) | json }}
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-queue-dead

aws-table:
  aws_dynamodb.present:
    - name: {{ salt['fleet.table']() }}
    - key: {id: S}
    - indexes:
        type-time: {type: S, time: S}
    - deletion_protection: {{ aws['protect'] }}
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}
