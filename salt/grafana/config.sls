{%- from 'grafana/map.jinja' import grafana %}

grafana-data:
  file.directory:
    - name: {{ grafana.data_dir }}
    - user: grafana
    - group: grafana
    - mode: '0750'
    - require:
      - pkg: grafana-package

# What grafana.ini and the unit refer to as files: no secret is in an argument or the environment.
grafana-admin-password:
  secret_file.managed:
    - name: /etc/grafana/admin-password
    - group: grafana
    - pillar: secrets:grafana:admin_password
    - secret: {{ salt['fleet.grafana_secret']() }}
    - region: {{ pillar['fleet']['region'] }}
    - require:
      - pkg: grafana-package

# It encrypts what Grafana stores, and so stays with that: on the data volume.
grafana-secret-key:
  secret_file.managed:
    - name: {{ grafana.data_dir }}/secret-key
    - group: grafana
    - pillar: secrets:grafana:secret_key
    - generate: True
    - require:
      - file: grafana-data
{%- if 'database_password' in pillar.get('secrets', {}).get('grafana', {}) %}

grafana-database-password:
  secret_file.managed:
    - name: /etc/grafana/database-password
    - group: grafana
    - pillar: secrets:grafana:database_password
    - require:
      - pkg: grafana-package
    - require_in:
      - file: grafana-config
{%- endif %}

grafana-check:
  file.managed:
    - name: /usr/local/lib/saltwatch/check-grafana
    - source: salt://grafana/files/check.sh
    - user: root
    - group: root
    - mode: '0755'
    - makedirs: True
    - require:
      - pkg: grafana-package

grafana-set-password:
  file.managed:
    - name: /usr/local/lib/saltwatch/grafana-set-password
    - source: salt://grafana/files/set_password.py
    - user: root
    - group: root
    - mode: '0755'
    - makedirs: True

grafana-config:
  file.managed:
    - name: /etc/grafana/grafana.ini
    - source: salt://grafana/files/grafana.ini.jinja
    - template: jinja
    - user: root
    - group: grafana
    - mode: '0640'
    - check_cmd: /usr/local/lib/saltwatch/check-grafana config
    - tmp_ext: .ini
    - require:
      - file: grafana-check
      - secret_file: grafana-admin-password
      - secret_file: grafana-secret-key

grafana-unit:
  file.managed:
    - name: /etc/systemd/system/grafana-server.service.d/saltwatch.conf
    - source: salt://grafana/files/unit.conf.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    - makedirs: True
