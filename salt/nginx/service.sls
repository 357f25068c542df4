nginx-service:
  service.running:
    - name: nginx
    - enable: True
    - require:
      - file: nginx-config
    - watch:
      - file: nginx-unit

# Connections in hand are kept.
nginx-reload:
  service.running:
    - name: nginx
    - reload: True
    - require:
      - service: nginx-service
    - watch:
      - file: nginx-config
      - id: nginx-tls

nginx-exporter-service:
  service.running:
    - name: prometheus-nginx-exporter
    - enable: True
    - require:
      - service: nginx-service
    - watch:
      - file: nginx-exporter-arguments
      - file: nginx-exporter-unit
