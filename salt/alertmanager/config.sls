{%- from 'alertmanager/map.jinja' import alertmanager %}

alertmanager-data:
  file.directory:
    - name: {{ alertmanager.data_dir }}
    - user: prometheus
    - group: prometheus
    - mode: '0750'
    - require:
      - pkg: alertmanager-package

alertmanager-config:
  file.managed:
    - name: /etc/prometheus/alertmanager.yml
    - source: salt://alertmanager/files/alertmanager.yml.jinja
    - template: jinja
    - user: root
    - group: prometheus
    - mode: '0640'
    # Receivers have secrets in them.
    - show_changes: False
    - check_cmd: /usr/bin/amtool check-config
    - tmp_ext: .yml
    - require:
      - pkg: alertmanager-package

alertmanager-arguments:
  file.managed:
    - name: /etc/default/prometheus-alertmanager
    - source: salt://alertmanager/files/arguments.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    # Alertmanager parses its flags before it prints its version.
    - check_cmd: sh -c '. "$0" && /usr/bin/prometheus-alertmanager $ARGS --version'
    - require:
      - pkg: alertmanager-package

alertmanager-unit:
  file.managed:
    - name: /etc/systemd/system/prometheus-alertmanager.service.d/saltwatch.conf
    - source: salt://alertmanager/files/unit.conf.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    - makedirs: True
