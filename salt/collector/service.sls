collector-service:
  service.running:
    - name: collector
    - enable: True
    - watch:
      - file: collector-program
      - file: collector-arguments
      - file: collector-unit
