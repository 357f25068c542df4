# Data sources and dashboards. Grafana reads the first at its start, the second again every few seconds.
{%- set without = [] %}
{%- if not salt['fleet.endpoints']('loki') %}{% do without.append('logs') %}{% endif %}
{%- if not salt['fleet.endpoints']('tempo') %}{% do without.append('traces') %}{% endif %}

grafana-datasources:
  file.managed:
    - name: /etc/grafana/provisioning/datasources/saltwatch.yaml
    - source: salt://grafana/files/datasources.yaml.jinja
    - template: jinja
    - user: root
    - group: grafana
    - mode: '0640'
    - makedirs: True
    - check_cmd: /usr/local/lib/saltwatch/check-grafana datasources
    - tmp_ext: .yaml
    - require:
      - file: grafana-config

grafana-dashboards:
  file.recurse:
    - name: /etc/grafana/dashboards
    - source: salt://grafana/files/dashboards
    - user: root
    - group: grafana
    - dir_mode: '0750'
    - file_mode: '0640'
    - clean: True
{%- if without %}
    # Nothing in them could be seen.
    - exclude_pat: E@({{ without | join('|') }})\.json$
{%- endif %}
    - require:
      - pkg: grafana-package

grafana-dashboard-provider:
  file.managed:
    - name: /etc/grafana/provisioning/dashboards/saltwatch.yaml
    - source: salt://grafana/files/dashboards.yaml
    - user: root
    - group: grafana
    - mode: '0640'
    - makedirs: True
    - check_cmd: /usr/local/lib/saltwatch/check-grafana dashboards
    - tmp_ext: .yaml
    - require:
      - file: grafana-config
      - file: grafana-dashboards
