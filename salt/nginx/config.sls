# One file, so that `nginx -t` checks all of it before it replaces the old one.
nginx-config:
  file.managed:
    - name: /etc/nginx/nginx.conf
    - source: salt://nginx/files/nginx.conf.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    - check_cmd: /usr/sbin/nginx -t -q -c
    - tmp_ext: .conf
    - require:
      - pkg: nginx-package

nginx-unit:
  file.managed:
    - name: /etc/systemd/system/nginx.service.d/saltwatch.conf
    - source: salt://nginx/files/unit.conf
    - user: root
    - group: root
    - mode: '0644'
    - makedirs: True

# Debian's own rotates *.log.
nginx-rotation:
  file.managed:
    - name: /etc/logrotate.d/saltwatch-nginx
    - source: salt://nginx/files/logrotate.conf
    - user: root
    - group: root
    - mode: '0644'
    - check_cmd: /usr/sbin/logrotate --debug --state /dev/null
    - require:
      - pkg: nginx-package

nginx-exporter-unit:
  file.managed:
    - name: /etc/systemd/system/prometheus-nginx-exporter.service.d/saltwatch.conf
    - source: salt://nginx/files/exporter-unit.conf
    - user: root
    - group: root
    - mode: '0644'
    - makedirs: True

nginx-exporter-arguments:
  file.managed:
    - name: /etc/default/prometheus-nginx-exporter
    - source: salt://nginx/files/exporter.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    # The exporter parses its flags before it prints its version.
    - check_cmd: sh -c '. "$0" && /usr/bin/prometheus-nginx-exporter $ARGS --version'
    - require:
      - pkg: nginx-package
