# The highstate that a host applies by itself. systemd's timer and not Salt's own schedule: it also mends a minion
# that does not run, makes up for what a stopped host missed, and `systemctl list-timers` shows it.
{%- from 'highstate/map.jinja' import highstate %}

highstate-unit:
  file.managed:
    - name: /etc/systemd/system/salt-highstate.service
    - source: salt://highstate/files/salt-highstate.service
    - user: root
    - group: root
    - mode: '0644'

highstate-timer-unit:
  file.managed:
    - name: /etc/systemd/system/salt-highstate.timer
    - source: salt://highstate/files/salt-highstate.timer.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
{%- if highstate.enabled %}

highstate-timer:
  service.running:
    - name: salt-highstate.timer
    - enable: True
    - require:
      - file: highstate-unit
    - watch:
      - file: highstate-timer-unit
{%- elif salt['service.available']('salt-highstate.timer') %}

# Where it has never been, test=True would announce that it is stopped.
highstate-timer:
  service.dead:
    - name: salt-highstate.timer
    - enable: False
    - require:
      - file: highstate-timer-unit
{%- endif %}
