# It reads its configuration at a start only; the write-ahead log keeps what was not stored by then. Rules it
# reads again by itself.
loki-service:
  service.running:
    - name: loki
    - enable: True
    - require:
      - file: loki-data
    - watch:
      - pkg: loki-package
      - file: loki-config
      - file: loki-unit
