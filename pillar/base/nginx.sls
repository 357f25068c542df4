{% import_yaml 'fleet/services.yaml' as services %}
nginx:
  port: {{ services.http.port }}
  tls_port: {{ services.https.port }}
  exporter_port: {{ services.nginx.port }}
  app_port: {{ services.app.port }}
