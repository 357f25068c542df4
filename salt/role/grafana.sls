# Dashboards; where the package is not to be had, such a host has the role base only.
{%- if 'grafana' in salt['fleet.services']() %}
include:
  - grafana
{%- endif %}
