# Traces, where their package can be had.
{% if 'tempo' in salt['fleet.services']() -%}
include:
  - tempo
{%- endif %}
