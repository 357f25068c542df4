{%- from 'tempo/map.jinja' import tempo %}

tempo-data:
  file.directory:
    - name: {{ tempo.data_dir }}
    - user: tempo
    - mode: '0700'
    - require:
      - pkg: tempo-package

# There is no secret in it: the bucket is opened with the role of the instance.
tempo-config:
  file.managed:
    - name: /etc/tempo/config.yml
    - source: salt://tempo/files/config.yml.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    - check_cmd: /usr/bin/tempo -config.verify -config.file
    - tmp_ext: .yml
    - require:
      - pkg: tempo-package

tempo-unit:
  file.managed:
    - name: /etc/systemd/system/tempo.service.d/saltwatch.conf
    - source: salt://tempo/files/unit.conf.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    - makedirs: True
