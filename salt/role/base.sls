# Every host.
include:
  - common
  - minion
  - node_exporter
{%- if 'alloy' in salt['fleet.services']() %}
  - alloy
{%- endif %}
