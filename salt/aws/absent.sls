# Removes what aws made, and only that: what has the fleet's tag. The hosts have to be gone first. A bucket or table
# that holds data is kept, and is an error, unless told twice, here and by the environment's `protect`:
#   salt-call -c operator state.apply aws.absent pillar='{"aws": {"delete_data": true}}'
{%- set aws, name = pillar['aws'], pillar['fleet']['name'] %}
{%- set delete_data = aws.get('delete_data', False) and not aws['protect'] %}
{%- set ours = {'Fleet': name} | json %}
{#- In the order of their dependencies: each needs those before it gone. #}
{%- set kinds = [
  'vpc-endpoint', 'natgateway', 'elastic-ip', 'security-group', 'route-table', 'subnet', 'internet-gateway',
  'vpc', 'key-pair',
] %}
aws-absent-hosts:
  aws_ec2.unused:
    - name: Hosts of {{ name }}
    - tags: {{ ours }}
    - region: {{ aws['region'] }}

aws-absent-zone:
  aws_route53.zones_absent:
    - name: {{ pillar['fleet']['zone'] }}
    - tags: {{ ours }}
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
      - id: aws-absent-hosts

aws-absent-tables:
  aws_dynamodb.tables_absent:
    - name: Tables of {{ name }}
    - prefix: {{ name }}-
    - tags: {{ ours }}
    - delete_data: {{ delete_data }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-absent-hosts
{# What is in the way of an error goes only after what may be one. #}
{%- for function, what in {'aws_kms.keys_absent': 'keys', 'aws_sqs.queues_absent': 'queues',
                          'aws_secret.secrets_absent': 'secrets'}.items() %}
aws-absent-{{ what }}:
  {{ function }}:
    - name: {{ what | capitalize }} of {{ name }}
    - prefix: {{ name }}{{ '/' if what == 'secrets' else '-' }}
    - tags: {{ ours }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-absent-buckets
      - id: aws-absent-tables
{% endfor %}
aws-absent-roles:
  aws_iam.roles_absent:
    - name: Roles of {{ name }}
    - prefix: {{ name }}-
    - tags: {{ ours }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-absent-hosts
{% for kind in kinds %}
aws-absent-{{ kind }}:
  aws_ec2.absent:
    - name: Every {{ kind }} of {{ name }}
    - kind: {{ kind }}
    - tags: {{ ours }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-absent-{{ 'hosts' if loop.first else loop.previtem }}
{% endfor %}
