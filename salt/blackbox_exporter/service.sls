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
  service.running:
    - name: prometheus-blackbox-exporter
    - reload: True
    - require:
      - service: blackbox-exporter-service
    - watch:
      - file: blackbox-exporter-config
