{#- Roles are minion-id patterns (pillar/base/fleet/roles.yaml). -#}
base:
  '*':
    - role.base
{%- for pattern in pillar['fleet']['roles'].values() | sum(start=[]) | unique %}
  '{{ pattern }}':
{%- for role, patterns in pillar['fleet']['roles'].items() if pattern in patterns %}
    - role.{{ role }}
{%- endfor %}
{%- endfor %}
  # Last, since it tells what became of the others.
  '.*':
    - match: pcre
    - highstate.record
