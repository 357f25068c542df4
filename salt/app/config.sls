# Settings, checked by the new version before they replace the old ones. The application reads its account of the
# database from Secrets Manager; where there is no AWS the password is pillar's, in a file of its own.
{%- from 'app/map.jinja' import app, version %}
{%- if salt['fleet.database_ca']() %}
include:
  - rds_ca
{%- endif %}

app-config-directory:
  file.directory:
    - name: /etc/app
    - user: root
    - group: app
    - mode: '0750'
    - require:
      - user: app-user

# Alloy reads it as a member of adm.
app-log-directory:
  file.directory:
    - name: /var/log/app
    - user: app
    - group: adm
    - mode: '2750'
    - require:
      - user: app-user

app-database-url:
{%- if salt['fleet.database_secret']() %}
  file.absent:
    - name: /etc/app/database-url
{%- else %}
  file.managed:
    - name: /etc/app/database-url
    - source: salt://app/files/database_url.jinja
    - template: jinja
    - user: root
    - group: app
    - mode: '0640'
    - show_changes: False
    - require:
      - file: app-config-directory
{%- endif %}

app-settings:
  file.managed:
    - name: /etc/app/app.env
    - source: salt://app/files/app.env.jinja
    - template: jinja
    - user: root
    - group: app
    - mode: '0640'
    - check_cmd: /opt/app/releases/{{ version }}/bin/python -m saltwatch_app.settings
    - require:
      - app_release: app-release
      - file: app-database-url
      - file: app-log-directory
{%- if salt['fleet.database_ca']() %}
      - file: rds-ca-bundle
{%- endif %}

app-rotation:
  file.managed:
    - name: /etc/logrotate.d/saltwatch-app
    - source: salt://app/files/logrotate.conf
    - user: root
    - group: root
    - mode: '0644'
    - check_cmd: /usr/sbin/logrotate --debug --state /dev/null
    - require:
      - pkg: app-packages
      - file: app-log-directory
