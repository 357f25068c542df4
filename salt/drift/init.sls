# What the control node tells of the fleet as metrics: minions, keys, and what is not as it should be.
{%- from 'drift/map.jinja' import drift %}
{%- for name in ('salt-status', 'salt-drift') %}
drift-unit-{{ name }}:
  file.managed:
    - name: /etc/systemd/system/{{ name }}.service
    - source: salt://drift/files/{{ name }}.service
    - user: root
    - group: root
    - mode: '0644'
{% endfor %}
drift-status-timer-unit:
  file.managed:
    - name: /etc/systemd/system/salt-status.timer
    - source: salt://drift/files/salt-status.timer
    - user: root
    - group: root
    - mode: '0644'

# A connection costs nothing to look at: every minute.
drift-status-timer:
  service.running:
    - name: salt-status.timer
    - enable: True
    - require:
      - file: drift-unit-salt-status
    - watch:
      - file: drift-status-timer-unit

drift-timer-unit:
  file.managed:
    - name: /etc/systemd/system/salt-drift.timer
    - source: salt://drift/files/salt-drift.timer.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
{%- if drift.enabled %}

drift-timer:
  service.running:
    - name: salt-drift.timer
    - enable: True
    - require:
      - file: drift-unit-salt-drift
    - watch:
      - file: drift-timer-unit
{%- elif salt['service.available']('salt-drift.timer') %}

# Where it has never been, test=True would announce that it is stopped.
drift-timer:
  service.dead:
    - name: salt-drift.timer
    - enable: False
    - require:
      - file: drift-timer-unit
{%- endif %}
