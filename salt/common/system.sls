# Limits, kernel settings and the journal's size.
{% from 'common/map.jinja' import common -%}
common-limits:
  file.managed:
    - name: /etc/security/limits.d/saltwatch.conf
    - contents: |
        # Managed by Salt: salt://common/system.sls
        {%- for limit in common.limits %}
        {{ limit.domain }} {{ limit.type }} {{ limit.item }} {{ limit.value }}
        {%- endfor %}
    - user: root
    - group: root
    - mode: '0644'

{% set shared = common.container and 'kernel_sysctl' in common.not_in_container -%}
{% for key, value in common.sysctl | dictsort if key.startswith('net.') or not shared -%}
common-sysctl-{{ key }}:
  sysctl.present:
    - name: {{ key }}
    - value: {{ value }}
    - config: /etc/sysctl.d/60-saltwatch.conf

{% endfor -%}
common-journal-config:
  file.managed:
    - name: /etc/systemd/journald.conf.d/saltwatch.conf
    - contents: |
        # Managed by Salt: salt://common/system.sls
        [Journal]
        {%- for key, value in common.journald | dictsort %}
        {{ key }}={{ value }}
        {%- endfor %}
    - user: root
    - group: root
    - mode: '0644'
    - makedirs: True

common-journal-service:
  service.running:
    - name: systemd-journald
    - watch:
      - file: common-journal-config
