# Every host.
include:
  - common
  - minion
  - node_exporter
  - collector
{%- if 'alloy' in salt['fleet.services']() %}
  - alloy
{%- endif %}
