# Metrics for long, where their package can be had.
{% if 'mimir' in salt['fleet.services']() -%}
include:
  - mimir
{%- endif %}
