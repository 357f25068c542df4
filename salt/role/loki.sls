# Logs, where their package can be had.
{% if 'loki' in salt['fleet.services']() -%}
include:
  - loki
{%- endif %}
