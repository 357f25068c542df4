# Every host.
{%- do salt['extension_modules.check']() %}
include:
  - common
  - minion
  - node_exporter
  - collector
  - highstate
{%- if 'alloy' in salt['fleet.services']() %}
  - alloy
{%- endif %}
