# Load, errors, slow answers and log lines on purpose, in bounded amounts: `systemctl start stress@NAME`.
{%- from 'stress/map.jinja' import stress %}

stress-packages:
  pkg.installed:
    - pkgs:
      - python3-locust
      - python3-prometheus-client
      - python3-requests
      - python3-yaml
      - stress
    - install_recommends: False

stress-user:
  user.present:
    - name: stress
    - system: True
    - home: /nonexistent
    - createhome: False
    - shell: /usr/sbin/nologin

stress-program:
  file.managed:
    - name: /usr/local/lib/saltwatch/stress
    - source: salt://stress/files/stress.py
    - user: root
    - group: root
    - mode: '0755'
    - makedirs: True

stress-profiles:
  file.managed:
    - name: /etc/stress/profiles.yaml
    - source: salt://stress/files/profiles.yaml.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    - makedirs: True

# Nothing starts it but a hand or a timer.
stress-unit:
  file.managed:
    - name: /etc/systemd/system/stress@.service
    - source: salt://stress/files/stress@.service.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    - require:
      - pkg: stress-packages
      - user: stress-user
      - file: stress-program
      - file: stress-profiles
{% for profile in stress.schedule %}
stress-timer-unit-{{ profile }}:
  file.managed:
    - name: /etc/systemd/system/stress@{{ profile }}.timer
    - source: salt://stress/files/stress.timer.jinja
    - template: jinja
    - context:
        profile: {{ profile }}
        when: {{ stress.schedule[profile] | json }}
    - user: root
    - group: root
    - mode: '0644'
    - check_cmd: systemd-analyze verify
    - tmp_ext: .timer
    - require:
      - file: stress-unit

stress-timer-{{ profile }}:
  service.running:
    - name: stress@{{ profile }}.timer
    - enable: True
    - watch:
      - file: stress-timer-unit-{{ profile }}
{% endfor %}
{%- for path in salt['file.find']('/etc/systemd/system', name='stress@*.timer', type='f', maxdepth=1) %}
{%- set timer = salt['file.basename'](path) %}
{%- set profile = timer[7:-6] %}
{%- if profile not in stress.schedule %}
stress-timer-{{ profile }}:
  service.dead:
    - name: {{ timer }}
    - enable: False

stress-timer-unit-{{ profile }}:
  file.absent:
    - name: {{ path }}
    - require:
      - service: stress-timer-{{ profile }}
{% endif %}
{%- endfor %}
