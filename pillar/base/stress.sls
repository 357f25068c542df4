{% import_yaml 'fleet/services.yaml' as services %}
stress:
  app_port: {{ services.app.port }}
  nginx_port: {{ services.http.port }}
