# Every host. A refusal shows these lines, and this is what helps: salt '*' saltutil.sync_all
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
