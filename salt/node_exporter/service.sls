node-exporter-service:
  service.running:
    - name: prometheus-node-exporter
    - enable: True
    - watch:
      - file: node-exporter-arguments
      - file: node-exporter-unit
