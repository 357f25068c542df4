# Who notices when alerts are told no more: outside of Prometheus' hosts, with receivers of its own.
{%- from 'watchdog/map.jinja' import watchdog %}
{%- set secrets = {} %}
{%- if 'webhook' in watchdog %}{% do secrets.update({'webhook': 'watchdog:webhook:url'}) %}{% endif %}
{%- if 'auth_password' in watchdog.get('mail', {}) %}{% do secrets.update({'mail': 'watchdog:mail:auth_password'}) %}{% endif %}

watchdog-packages:
  pkg.installed:
    - pkgs:
      - curl
      - python3-prometheus-client
    - install_recommends: False

watchdog-user:
  user.present:
    - name: watchdog
    - system: True
    - home: /nonexistent
    - createhome: False
    - shell: /usr/sbin/nologin

watchdog-program:
  file.managed:
    - name: /usr/local/lib/saltwatch/watchdog
    - source: salt://watchdog/files/watchdog.py
    - user: root
    - group: root
    - mode: '0755'
    - makedirs: True
    - require:
      - pkg: watchdog-packages

watchdog-directory:
  file.directory:
    - name: /etc/watchdog
    - user: root
    - group: watchdog
    - mode: '0750'
    - clean: True
    - exclude_pat: E@^({{ (['watchdog.ini'] + (secrets | list)) | join('|') }})$
    - require:
      - user: watchdog-user
{% for name, key in secrets | dictsort %}
watchdog-secret-{{ name }}:
  secret_file.managed:
    - name: /etc/watchdog/{{ name }}
    - group: watchdog
    - pillar: {{ key }}
    - require:
      - file: watchdog-directory
    - require_in:
      - service: watchdog-service
{% endfor %}
watchdog-config:
  file.managed:
    - name: /etc/watchdog/watchdog.ini
    - source: salt://watchdog/files/watchdog.ini.jinja
    - template: jinja
    - user: root
    - group: watchdog
    - mode: '0640'
    - check_cmd: /usr/local/lib/saltwatch/watchdog --check
    - require:
      - file: watchdog-program
      - file: watchdog-directory

watchdog-unit:
  file.managed:
    - name: /etc/systemd/system/watchdog.service
    - source: salt://watchdog/files/watchdog.service.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    - check_cmd: systemd-analyze verify
    - tmp_ext: .service
    - require:
      - file: watchdog-program

watchdog-service:
  service.running:
    - name: watchdog
    - enable: True
    - watch:
      - file: watchdog-program
      - file: watchdog-config
      - file: watchdog-unit
