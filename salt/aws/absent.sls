# Removes what aws made, and only that: what has the fleet's tag. The hosts have to be gone first. While a bucket
# or table holds data nothing else is removed, unless told twice: here, and by the environment's `protect: False`.
#   salt-call -c operator state.apply aws.absent pillar='{"aws": {"delete_data": true}}'
{%- set aws, name = pillar['aws'], pillar['fleet']['name'] %}
{%- set delete_data = aws.get('delete_data', False) and not aws['protect'] %}
{%- set ours = {'Fleet': name} | json %}
aws-absent-hosts:
  aws_ec2.unused:
    - name: Hosts of {{ name }}
    - tags: {{ ours }}
    - region: {{ aws['region'] }}

aws-absent-buckets:
  aws_s3.buckets_absent:
    - name: Buckets of {{ name }}
    - prefix: {{ name }}-
    - tags: {{ ours }}
    - delete_data: {{ delete_data }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-absent-hosts

aws-absent-tables:
  aws_dynamodb.tables_absent:
    - name: Tables of {{ name }}
    - prefix: {{ name }}-
    - tags: {{ ours }}
    - delete_data: {{ delete_data }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-absent-buckets

aws-absent-zone:
  aws_route53.zones_absent:
    - name: {{ pillar['fleet']['zone'] }}
    - tags: {{ ours }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-absent-tables
{%- for what, function in {
  'roles': 'aws_iam.roles_absent', 'keys': 'aws_kms.keys_absent', 'queues': 'aws_sqs.queues_absent',
  'secrets': 'aws_secret.secrets_absent',
}.items() %}

aws-absent-{{ what }}:
  {{ function }}:
    - name: {{ what | capitalize }} of {{ name }}
    - prefix: {{ name }}{{ '/' if what == 'secrets' else '-' }}
    - tags: {{ ours }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-absent-tables
{%- endfor %}
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
      - id: aws-absent-{{ 'tables' if loop.first else loop.previtem }}
{%- endfor %}
