blackbox-exporter-config:
  file.managed:
    - name: /etc/prometheus/blackbox.yml
    - source: salt://blackbox_exporter/files/blackbox.yml.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    - check_cmd: /usr/bin/prometheus-blackbox-exporter --config.check --config.file
    - tmp_ext: .yml
    - require:
      - pkg: blackbox-exporter-package

blackbox-exporter-arguments:
  file.managed:
    - name: /etc/default/prometheus-blackbox-exporter
    - source: salt://blackbox_exporter/files/arguments.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    # The exporter parses its flags before it prints its version.
    - check_cmd: sh -c '. "$0" && /usr/bin/prometheus-blackbox-exporter $ARGS --version'
    - require:
      - pkg: blackbox-exporter-package

blackbox-exporter-unit:
  file.managed:
    - name: /etc/systemd/system/prometheus-blackbox-exporter.service.d/saltwatch.conf
    - source: salt://blackbox_exporter/files/unit.conf.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    - makedirs: True
