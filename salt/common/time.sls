# One time zone, and the clock of AWS.
{% from 'common/map.jinja' import common -%}
common-timezone:
  timezone.system:
    - name: {{ common.time.zone }}

{% if not (common.container and 'time_sync' in common.not_in_container) -%}
common-time-package:
  pkg.installed:
    - pkgs: [systemd-timesyncd]

common-time-servers:
  file.managed:
    - name: /etc/systemd/timesyncd.conf.d/saltwatch.conf
    - contents: |
        # Managed by Salt: salt://common/time.sls
        [Time]
        NTP={{ common.time.servers | join(' ') }}
    - user: root
    - group: root
    - mode: '0644'
    - makedirs: True
    - require:
      - pkg: common-time-package

common-time-service:
  service.running:
    - name: systemd-timesyncd
    - enable: True
    - watch:
      - file: common-time-servers
{%- endif %}
