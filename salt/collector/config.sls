{%- from 'collector/map.jinja' import collector %}

# Alloy reads it as a member of adm.
collector-log-directory:
  file.directory:
    - name: {{ salt['file.dirname'](collector.file) }}
    - user: collector
    - group: adm
    - mode: '2750'
    - require:
      - user: collector-user

collector-arguments:
  file.managed:
    - name: /etc/default/collector
    - source: salt://collector/files/arguments.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    - check_cmd: sh -c '. "$0" && /usr/local/lib/saltwatch/collector $ARGS --check'
    - require:
      - pkg: collector-packages
      - file: collector-program
      - file: collector-log-directory

collector-unit:
  file.managed:
    - name: /etc/systemd/system/collector.service
    - source: salt://collector/files/collector.service.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    - check_cmd: systemd-analyze verify
    - tmp_ext: .service
    - require:
      - file: collector-arguments
