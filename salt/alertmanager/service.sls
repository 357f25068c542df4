alertmanager-service:
  service.running:
    - name: prometheus-alertmanager
    - enable: True
    - require:
      - file: alertmanager-data
      - file: alertmanager-config
    - watch:
      - file: alertmanager-arguments
      - file: alertmanager-unit

# Receivers, routes and templates are read again without a restart.
alertmanager-reload:
  module.run:
    - service.reload:
      - name: prometheus-alertmanager
    - require:
      - service: alertmanager-service
    - onchanges:
      - file: alertmanager-templates
      - file: alertmanager-config
