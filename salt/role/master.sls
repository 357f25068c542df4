# The control node.
include:
  - master
  - wireguard
{%- if 'database' in pillar['fleet']['managed'] %}
  - database_account
{%- endif %}
