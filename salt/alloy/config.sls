alloy-check:
  file.managed:
    - name: /usr/local/lib/saltwatch/check-alloy
    - source: salt://alloy/files/check.sh
    - user: root
    - group: root
    - mode: '0755'
    - makedirs: True
    - require:
      - pkg: alloy-package

alloy-config:
  file.managed:
    - name: /etc/alloy/config.alloy
    - source: salt://alloy/files/config.alloy.jinja
    - template: jinja
    - user: root
    - group: alloy
    - mode: '0640'
    - check_cmd: /usr/local/lib/saltwatch/check-alloy
    - tmp_ext: .alloy
    - require:
      - file: alloy-check

alloy-arguments:
  file.managed:
    - name: /etc/default/alloy
    - source: salt://alloy/files/arguments.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    # Flags are parsed before the help is printed.
    - check_cmd: sh -c '. "$0" && /usr/bin/alloy run $CUSTOM_ARGS --help >/dev/null'
    - require:
      - pkg: alloy-package

alloy-unit:
  file.managed:
    - name: /etc/systemd/system/alloy.service.d/saltwatch.conf
    - source: salt://alloy/files/unit.conf.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    - makedirs: True

# Readable for Salt's own group only; logrotate leaves them as they are.
{%- for name in ['minion'] + (['master'] if 'master' in salt['fleet.roles']() else []) %}
alloy-log-of-{{ name }}:
  file.managed:
    - name: /var/log/salt/{{ name }}
    - group: adm
    - mode: '0640'
    - replace: False
{% endfor %}
