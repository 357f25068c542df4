{%- from 'grafana/map.jinja' import grafana %}

grafana-data:
  file.directory:
    - name: {{ grafana.data_dir }}
    - user: grafana
    - group: grafana
    - mode: '0750'
    - require:
      - pkg: grafana-package

# What grafana.ini and the unit refer to as files: the passwords are in no argument and no environment.
{%- for name in ('admin_password', 'secret_key', 'database_password') if name in pillar['secrets']['grafana'] %}
grafana-{{ name | replace('_', '-') }}:
  file.managed:
    - name: /etc/grafana/{{ name | replace('_', '-') }}
    - contents_pillar: secrets:grafana:{{ name }}
    - contents_newline: False
    - user: root
    - group: grafana
    - mode: '0640'
    - show_changes: False
    - require:
      - pkg: grafana-package
    - require_in:
      - file: grafana-config
{% endfor %}
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

grafana-unit:
  file.managed:
    - name: /etc/systemd/system/grafana-server.service.d/saltwatch.conf
    - source: salt://grafana/files/unit.conf.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    - makedirs: True
