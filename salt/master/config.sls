# The master itself, and its own minion's key. Its restart waits for the runs of all minions to end.
{%- from 'master/map.jinja' import master %}

# The master runs as the user salt.
master-pillar-local:
  file.directory:
    - name: {{ master.checkout }}/pillar/local
    - user: root
    - group: salt
    - dir_mode: '0750'
    - file_mode: '0640'
    - recurse: [user, group, mode]

# bootstrap-salt leaves it to root alone, and the master reads its keys as the user salt.
master-pki-directory:
  file.directory:
    - name: /etc/salt/pki
    - user: root
    - group: root
    - mode: '0711'

master-config:
  file.managed:
    - name: /etc/salt/master.d/saltwatch.conf
    - source: salt://master/files/master.conf.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    - makedirs: True
    - check_cmd: {{ grains['pythonexecutable'] }} /usr/local/lib/saltwatch/check-salt-config
    - require:
      - file: minion-check
      - file: master-pillar-local

master-unit:
  file.managed:
    - name: /etc/systemd/system/salt-master.service.d/saltwatch.conf
    - source: salt://master/files/unit.conf
    - user: root
    - group: root
    - mode: '0644'
    - makedirs: True

# This host's own key, read from its disk: nothing has to be trusted at first sight.
master-own-key:
  file.managed:
    - name: /etc/salt/pki/master/minions/{{ grains['id'] }}
    - source: /etc/salt/pki/minion/minion.pub
    - user: salt
    - group: salt
    - mode: '0644'
    - require:
      - service: minion-service

master-service:
  service.running:
    - name: salt-master
    - enable: True
    - require:
      - file: master-config
      - file: master-unit
      - file: master-own-key
      - file: master-pki-directory

master-after-jobs:
  file.managed:
    - name: /usr/local/lib/saltwatch/after-jobs
    - source: salt://master/files/after_jobs.sh
    - user: root
    - group: root
    - mode: '0755'
    - makedirs: True

master-restart:
  cmd.run:
    - name: >-
        systemd-run --no-block --collect /usr/local/lib/saltwatch/after-run {{ opts['cachedir'] }}/proc
        /usr/local/lib/saltwatch/after-jobs /usr/local/lib/saltwatch/restart-outdated salt-master.service
        /etc/salt/master.d/saltwatch.conf /etc/systemd/system/salt-master.service.d/saltwatch.conf
    - require:
      - file: minion-after-run
      - file: minion-restart-outdated
      - file: master-after-jobs
    - onchanges:
      - file: master-config
      - file: master-unit
