# Removes what aws made, and only that: what has the fleet's tag. The hosts have to be gone first. While a volume,
# bucket, table, database or log group holds data nothing else is removed, unless told twice: here, and by the
# environment's `protect: False`.
#   salt-call -c operator state.apply aws.absent pillar='{"aws": {"delete_data": true}}'
{%- set aws, name = pillar['aws'], pillar['fleet']['name'] %}
{%- set delete_data = aws.get('delete_data', False) and not aws['protect'] %}
{%- set ours = {'Fleet': name} | json %}
aws-absent-hosts:
  aws_ec2.unused:
    - name: Hosts of {{ name }}
    - tags: {{ ours }}
    - region: {{ aws['region'] }}

# Data volumes outlive their hosts. What is on one that is attached to nothing, nobody can tell: it is data.
aws-absent-volumes:
  aws_ec2.volumes_absent:
    - name: Volumes of {{ name }}
    - tags: {{ ours }}
    - delete_data: {{ delete_data }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-absent-hosts

aws-absent-buckets:
  aws_s3.buckets_absent:
    - name: Buckets of {{ name }}
    - prefix: {{ name }}-
    - tags: {{ ours }}
    - delete_data: {{ delete_data }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-absent-volumes

aws-absent-tables:
  aws_dynamodb.tables_absent:
    - name: Tables of {{ name }}
    - prefix: {{ name }}-
    - tags: {{ ours }}
    - delete_data: {{ delete_data }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-absent-buckets

aws-absent-databases:
  aws_rds.instances_absent:
    - name: Databases of {{ name }}
    - prefix: {{ name }}-
    - tags: {{ ours }}
    - delete_data: {{ delete_data }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-absent-tables

aws-absent-groups:
  aws_logs.groups_absent:
    - name: Log groups of {{ name }}
    - prefixes: [/aws/events/{{ name }}-, /aws/rds/instance/{{ name }}-, /{{ name }}/]
    - tags: {{ ours }}
    - delete_data: {{ delete_data }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-absent-databases
{%- if 'public_zone' in aws['load_balancer'] %}

aws-absent-record:
  aws_route53.alias_absent:
    - name: {{ aws['load_balancer']['domain'] }}
    - zone: {{ aws['load_balancer']['public_zone'] }}
    - balancer: {{ name }}-app
    - region: {{ aws['region'] }}
    - require:
      - id: aws-absent-groups
{%- endif %}

aws-absent-balancers:
  aws_elb.balancers_absent:
    - name: Load balancers of {{ name }}
    - prefix: {{ name }}-
    - tags: {{ ours }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-absent-{{ 'record' if 'public_zone' in aws['load_balancer'] else 'groups' }}

aws-absent-target-groups:
  aws_target_group.groups_absent:
    - name: Target groups of {{ name }}
    - prefix: {{ name }}-
    - tags: {{ ours }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-absent-balancers
{#- What holds no data and nothing else needs. #}
{%- for what, function in {
  'roles': 'aws_iam.roles_absent', 'keys': 'aws_kms.keys_absent', 'queues': 'aws_sqs.queues_absent',
  'secrets': 'aws_secret.secrets_absent', 'trails': 'aws_cloudtrail.trails_absent',
  'db-subnets': 'aws_rds.subnet_groups_absent', 'db-parameters': 'aws_rds_parameters.absent',
  'rules': 'aws_events.rules_absent', 'alarms': 'aws_cloudwatch.alarms_absent',
}.items() %}

aws-absent-{{ what }}:
  {{ function }}:
    - name: {{ what | capitalize }} of {{ name }}
    - prefix: {{ name }}{{ '/' if what == 'secrets' else '-' }}
    - tags: {{ ours }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-absent-groups
{%- endfor %}

aws-absent-policies:
  aws_iam_policy.policies_absent:
    - name: Policies of {{ name }}
    - prefix: {{ name }}-
    - tags: {{ ours }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-absent-roles

aws-absent-provider:
  aws_iam_oidc.absent:
    - name: {{ salt['aws_deployment.provider']()['name'] }}
    - tags: {{ ours }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-absent-roles

aws-absent-zone:
  aws_route53.zones_absent:
    - name: {{ pillar['fleet']['zone'] }}
    - tags: {{ ours }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-absent-groups

aws-absent-detector:
  aws_guardduty.detectors_absent:
    - name: GuardDuty of {{ name }}
    - tags: {{ ours }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-absent-groups
{#- These have no tags and are known by their names. #}

aws-absent-dashboard:
  aws_cloudwatch.dashboard_absent:
    - name: {{ name }}-{{ pillar['fleet']['env'] }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-absent-groups

aws-absent-findings-policy:
  aws_logs.policy_absent:
    - name: {{ name }}-findings
    - region: {{ aws['region'] }}
    - require:
      - id: aws-absent-groups
{#- In the order of their dependencies: each needs those before it gone. #}
{%- for kind in [
  'vpc-endpoint', 'natgateway', 'elastic-ip', 'security-group', 'route-table', 'subnet', 'internet-gateway',
  'vpc', 'key-pair',
] %}

aws-absent-{{ kind }}:
  aws_ec2.absent:
    - name: Every {{ kind }} of {{ name }}
    - kind: {{ kind }}
    - tags: {{ ours }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-absent-{{ 'db-subnets' if loop.first else loop.previtem }}
      - id: aws-absent-balancers
{%- endfor %}
