{%- from 'app/map.jinja' import app, version %}

app-current:
  file.symlink:
    - name: /opt/app/current
    - target: /opt/app/releases/{{ version }}
    - atomic: True
    - require:
      - cmd: app-release
      - file: app-settings

# Starting is over when /health answers. The database may come later: until then /health/ready says so.
app-service:
  service.running:
    - name: app
    - enable: True
    - require:
      - file: app-migration-unit
    - watch:
      - file: app-current
      - file: app-settings
      - file: app-database-url
      - file: app-unit
