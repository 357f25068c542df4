# It reads its configuration at a start only; the write-ahead log keeps what was not stored by then.
tempo-service:
  service.running:
    - name: tempo
    - enable: True
    - require:
      - file: tempo-data
    - watch:
      - pkg: tempo-package
      - file: tempo-config
      - file: tempo-unit
