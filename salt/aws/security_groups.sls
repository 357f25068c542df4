# Rendered from the service catalogue (pillar/base/fleet/services.yaml). Rules found in AWS that are not in it
# are shown and revoked. The VPC's default group, which a host without one would get, allows nothing.
{%- set aws, name, tags = pillar['aws'], pillar['fleet']['name'], salt['aws_fleet.tags']() %}
{%- set groups = salt['fleet.security_groups']() %}
include:
  - aws.network

aws-rules-default:
  aws_security_group.rules:
    - name: default
    - vpc: {{ name }}
    - ingress: []
    - egress: []
    - region: {{ aws['region'] }}
    - require:
      - id: aws-vpc
{% for group, wanted in groups.items() %}
aws-group-{{ group }}:
  aws_security_group.present:
    - name: {{ group }}
    - vpc: {{ name }}
    - description: {{ wanted['description'] | yaml_dquote }}
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-vpc

aws-rules-{{ group }}:
  aws_security_group.rules:
    - name: {{ group }}
    - vpc: {{ name }}
    - ingress: {{ wanted['ingress'] | json }}
    - egress: {{ wanted['egress'] | json }}
    - region: {{ aws['region'] }}
    - require:
{%- for each in groups %}
      - id: aws-group-{{ each }}
{%- endfor %}
{% endfor %}
