# What the fleet stands on in AWS. Applied from the operator's machine, before the first host:
#   salt-call -c operator state.apply aws
# Each part can be applied alone (`aws.network`); what has to stand first it includes. Those after the fleet's own
# needs are switched on by the environment: `aws:parts`, and `fleet:cloudwatch_logs`.
include:
  - aws.network
  - aws.security_groups
  - aws.iam
  - aws.dns
  - aws.key_pair
{%- for part in pillar['aws']['parts'] %}
  - aws.{{ part }}
{%- endfor %}
{%- if salt['fleet.log_streams']('*') %}
  - aws.logs
{%- endif %}
{%- if 'deployment' in pillar['aws'] %}
  - aws.deployment
{%- endif %}
