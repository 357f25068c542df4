# It reads its configuration at a start only; the write-ahead log keeps what was not stored by then.
mimir-service:
  service.running:
    - name: mimir
    - enable: True
    - require:
      - file: mimir-data
    - watch:
      - pkg: mimir-package
      - file: mimir-config
      - file: mimir-unit
