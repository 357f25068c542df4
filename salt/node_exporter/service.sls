node-exporter-service:
  service.running:
    - name: prometheus-node-exporter
    - enable: True
    - require:
      - file: node-exporter-textfiles
    - watch:
      - file: node-exporter-arguments
      - file: node-exporter-unit
