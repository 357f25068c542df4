{#- Every host's pillar, then that of each of its roles with what its environment and this machine override.
    By id, never by grains. A role whose formula is still to come has no file; the schema refuses a host
    that lacks the key of a formula it has. -#}
{% import_yaml 'fleet/roles.yaml' as roles -%}
base:
  '*':
    - fleet
    - common
    - grafana_repo
    - minion
    - highstate
    - node_exporter
    - collector
    - alloy
    - environment
  '.*':
    - match: pcre
    - ignore_missing: True
    - local
{%- for pattern in roles.values() | sum(start=[]) | unique %}
  '{{ pattern }}':
    - ignore_missing: True
{%- for role, patterns in roles.items() if pattern in patterns %}
    - {{ role }}
    - environment.{{ role }}
    - local.{{ role }}
{%- endfor %}
{%- endfor %}
  operator:
    - ignore_missing: True
    - aws
    - environment.operator
    - local.operator
