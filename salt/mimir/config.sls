{%- from 'mimir/map.jinja' import mimir %}

mimir-data:
  file.directory:
    - name: {{ mimir.data_dir }}
    - user: mimir
    - group: mimir
    - mode: '0700'
    - require:
      - pkg: mimir-package

# There is no secret in it: the bucket is opened with the role of the instance. Asked for its modules, Mimir loads
# and validates the whole configuration first.
mimir-config:
  file.managed:
    - name: /etc/mimir/config.yml
    - source: salt://mimir/files/config.yml.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    - check_cmd: /usr/local/bin/mimir -modules -config.file
    - tmp_ext: .yml
    - require:
      - pkg: mimir-package

mimir-unit:
  file.managed:
    - name: /etc/systemd/system/mimir.service.d/saltwatch.conf
    - source: salt://mimir/files/unit.conf.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    - makedirs: True
