# The operator's key to the control node. The control node makes its own for the rest of the fleet.
{%- set aws, name = pillar['aws'], pillar['fleet']['name'] %}
aws-key-pair-operator:
  aws_key_pair.present:
    - name: {{ name }}-operator
    - public_key_file: {{ aws['operator_public_key'] | yaml_dquote }}
    - tags: {{ salt['aws_fleet.tags']() | json }}
    - region: {{ aws['region'] }}
