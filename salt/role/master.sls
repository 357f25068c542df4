# The control node.
include:
  - master
  - watchdog
  - wireguard
  - drift
{%- if 'database' in pillar['fleet']['managed'] %}
  - database_account
{%- endif %}
