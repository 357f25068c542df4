# The control node.
include:
  - master
  - wireguard
  - drift
{%- if 'database' in pillar['fleet']['managed'] %}
  - database_account
{%- endif %}
