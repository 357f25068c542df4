database-service:
  service.running:
    - name: mariadb
    - enable: True
    - watch:
      - file: database-config
      - file: database-unit
