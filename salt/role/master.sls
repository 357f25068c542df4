# The control node.
include:
  - master
{%- if 'database' in pillar['fleet']['managed'] %}
  - database_account
{%- endif %}
