{%- from 'app/map.jinja' import app, version %}

app-current:
  file.symlink:
    - name: /opt/app/current
    - target: /opt/app/releases/{{ version }}
    - atomic: True
    - require:
      - cmd: app-release
      - file: app-settings

app-unit:
  file.managed:
    - name: /etc/systemd/system/app.service
    - source: salt://app/files/app.service.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    - check_cmd: systemd-analyze verify
    - tmp_ext: .service
    - require:
      - file: app-current

app-migration-unit:
  file.managed:
    - name: /etc/systemd/system/app-migrate.service
    - source: salt://app/files/app-migrate.service
    - user: root
    - group: root
    - mode: '0644'

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
