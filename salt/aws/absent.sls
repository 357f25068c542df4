# Removes what aws made, and only that: what has the fleet's tag. The hosts have to be gone first.
{%- set aws, name = pillar['aws'], pillar['fleet']['name'] %}
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
