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

# Receivers and routes are read again without a restart.
alertmanager-reload:
  service.running:
    - name: prometheus-alertmanager
    - reload: True
    - require:
      - service: alertmanager-service
    - watch:
      - file: alertmanager-config
