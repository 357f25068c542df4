node-exporter-arguments:
  file.managed:
    - name: /etc/default/prometheus-node-exporter
    - source: salt://node_exporter/files/arguments.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    # The exporter parses its flags before it prints its version.
    - check_cmd: sh -c '. "$0" && /usr/bin/prometheus-node-exporter $ARGS --version'
    - require:
      - pkg: node-exporter-package

node-exporter-unit:
  file.managed:
    - name: /etc/systemd/system/prometheus-node-exporter.service.d/saltwatch.conf
    - source: salt://node_exporter/files/unit.conf.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    - makedirs: True
