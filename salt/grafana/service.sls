{%- from 'grafana/map.jinja' import grafana %}
grafana-service:
  service.running:
    - name: grafana-server
    - enable: True
    - require:
      - file: grafana-data
      - file: grafana-dashboards
    - watch:
      - file: grafana-config
      - secret_file: grafana-admin-password
      - secret_file: grafana-secret-key
      - file: grafana-set-password
      - file: grafana-datasources
      - file: grafana-dashboard-provider
      - file: grafana-unit
