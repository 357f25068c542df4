blackbox-exporter-service:
  service.running:
    - name: prometheus-blackbox-exporter
    - enable: True
    - require:
      - file: blackbox-exporter-config
    - watch:
      - file: blackbox-exporter-arguments
      - file: blackbox-exporter-unit

# Modules are read again without a restart.
blackbox-exporter-reload:
  module.run:
    - service.reload:
      - name: prometheus-blackbox-exporter
    - require:
      - service: blackbox-exporter-service
    - onchanges:
      - file: blackbox-exporter-config
