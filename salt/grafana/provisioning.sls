# Data sources and dashboards. Grafana reads the first at its start, the second again every few seconds.
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
