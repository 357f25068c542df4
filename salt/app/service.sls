# The release that serves, and what systemd has to know of it. How a switch goes: salt/_modules/app_release.py.
{%- from 'app/map.jinja' import app, version %}

# systemd keeps the port open whatever becomes of the processes that answer on it.
app-socket-unit:
  file.managed:
    - name: /etc/systemd/system/app.socket
    - source: salt://app/files/app.socket.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'

app-trial-socket-unit:
  file.managed:
    - name: /etc/systemd/system/app-trial.socket
    - source: salt://app/files/app-trial.socket
    - user: root
    - group: root
    - mode: '0644'

app-unit:
  file.managed:
    - name: /etc/systemd/system/app.service
    - source: salt://app/files/service.jinja
    - template: jinja
    - context:
        unit: app
    - user: root
    - group: root
    - mode: '0644'
    - check_cmd: systemd-analyze verify
    - tmp_ext: .service
    - require:
      - file: app-socket-unit
      - file: app-trial-socket-unit
{% for unit, source in {'standby': 'service', 'trial': 'service', 'migrate': 'migrate', 'migrate-next': 'migrate'}.items() %}
app-{{ unit }}-unit:
  file.managed:
    - name: /etc/systemd/system/app-{{ unit }}.service
    - source: salt://app/files/{{ source }}.jinja
    - template: jinja
    - context:
        unit: app-{{ unit }}
    - user: root
    - group: root
    - mode: '0644'
    - check_cmd: systemd-analyze verify
    - tmp_ext: .service
    - require:
      - file: app-socket-unit
      - file: app-trial-socket-unit
{% endfor %}
app-deployment:
  app_release.deployed:
    - name: app
    - version: {{ version }}
    - settings: /etc/app/app.env
    - files:
{%- if not salt['fleet.database_secret']() %}
      - /etc/app/database-url
{%- endif %}
      - /etc/systemd/system/app.service
    - require:
      - app_release: app-release
      - file: app-standby-unit
      - file: app-trial-unit
      - file: app-migrate-unit
      - file: app-migrate-next-unit
    - watch:
      - file: app-settings
      - file: app-database-url
      - file: app-unit

app-socket:
  service.running:
    - name: app.socket
    - enable: True
    - require:
      - app_release: app-deployment

# The database may come later: until then /health/ready says so.
app-service:
  service.running:
    - name: app
    - enable: True
    - require:
      - service: app-socket

app-old-releases:
  app_release.pruned:
    - name: app
    - version: {{ version }}
    - require:
      - service: app-service
