{%- from 'nginx/map.jinja' import nginx %}

# Key and certificate in one file: they are replaced in one step and always belong together.
nginx-tls:
{%- if nginx.tls.certificate %}
  file.managed:
    - name: /etc/nginx/tls.pem
    - source: salt://nginx/files/tls.pem.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0600'
    - show_changes: False
    # Python refuses a key that is not the certificate's, as nginx does.
    - check_cmd: /usr/bin/python3 -c 'import ssl, sys; ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(sys.argv[1])'
{%- else %}
  tls_pem.self_signed:
    - name: /etc/nginx/tls.pem
    - dns_names: {{ ([grains['id'] ~ '.' ~ pillar['fleet']['zone']] + nginx.tls.names) | unique | json }}
    - days: {{ nginx.tls.days }}
    - renew_days: {{ nginx.tls.renew_days }}
{%- endif %}
    - require:
      - pkg: nginx-package

# One file, so that `nginx -t` checks all of it, the certificate too, before it replaces the old one.
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
      - id: nginx-tls

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
