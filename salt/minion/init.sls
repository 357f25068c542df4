# Salt on every host. Nothing here restarts the minion that applies it: that happens after the run.
{%- from 'minion/map.jinja' import minion %}

minion-check:
  file.managed:
    - name: /usr/local/lib/saltwatch/check-salt-config
    - source: salt://minion/files/check_salt_config.py
    - user: root
    - group: root
    - mode: '0644'
    - makedirs: True

minion-after-run:
  file.managed:
    - name: /usr/local/lib/saltwatch/after-run
    - source: salt://minion/files/after_run.sh
    - user: root
    - group: root
    - mode: '0755'
    - makedirs: True

minion-restart-outdated:
  file.managed:
    - name: /usr/local/lib/saltwatch/restart-outdated
    - source: salt://minion/files/restart_outdated.sh
    - user: root
    - group: root
    - mode: '0755'
    - makedirs: True

minion-config:
  file.managed:
    - name: /etc/salt/minion.d/saltwatch.conf
    - source: salt://minion/files/minion.conf.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    - makedirs: True
    - check_cmd: {{ grains['pythonexecutable'] }} /usr/local/lib/saltwatch/check-salt-config
    - require:
      - file: minion-check

minion-unit:
  file.managed:
    - name: /etc/systemd/system/salt-minion.service.d/saltwatch.conf
    - source: salt://minion/files/unit.conf
    - user: root
    - group: root
    - mode: '0644'
    - makedirs: True
{%- set missing = salt['salt_python.missing'](minion.extensions) %}
{% if missing %}
minion-extensions:
  pip.installed:
    - pkgs: {{ missing | json }}
    # Each is listed: left to itself pip would look for another Salt.
    - extra_args: [--no-deps]
    - reload_modules: True
{% endif %}
minion-service:
  service.running:
    - name: salt-minion
    - enable: True
    - require:
      - file: minion-config
      - file: minion-unit

# This run is a child of the minion: what would end it happens after it.
{%- set after_run = 'systemd-run --no-block --collect /usr/local/lib/saltwatch/after-run ' ~ opts['cachedir'] ~ '/proc' %}
minion-restart:
  cmd.run:
    - name: >-
        {{ after_run }} /usr/local/lib/saltwatch/restart-outdated salt-minion.service
        /etc/salt/minion.d/saltwatch.conf /etc/systemd/system/salt-minion.service.d/saltwatch.conf
    - require:
      - file: minion-after-run
      - file: minion-restart-outdated
    - onchanges:
      - file: minion-config
      - file: minion-unit

{%- if grains['saltversion'] != minion.version %}

# To the version that apt's preferences let in; Salt's packages are of one version and restart what runs.
minion-upgrade:
  cmd.run:
    - name: >-
        {{ after_run }} sh -c 'apt-get update &&
        DEBIAN_FRONTEND=noninteractive apt-get install --yes --only-upgrade
        salt-common salt-minion salt-master salt-cloud'
    - unless: test "$(dpkg-query --show --showformat '${Version}' salt-minion)" = {{ minion.version }}
    - require:
      - file: minion-after-run
      - cmd: minion-restart
{%- endif %}
