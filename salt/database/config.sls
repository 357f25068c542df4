# The data directory and the configuration. A volume that comes from an earlier host keeps its data.
{%- from 'database/map.jinja' import database %}

database-data:
  file.directory:
    - name: {{ database.data_dir }}
    - user: mysql
    - group: mysql
    - mode: '0700'
    - makedirs: True
    - require:
      - pkg: database-package

# The user's number can be another one than on the earlier host.
database-data-owner:
  cmd.run:
    - name: chown --recursive mysql:mysql {{ database.data_dir }}
    - onchanges:
      - file: database-data

# Only where there is no database yet. Its root is the host's root, by the socket, without a password.
database-data-tables:
  once.run:
    - name: >-
        mariadb-install-db --user=mysql --datadir={{ database.data_dir }} --skip-test-db
        --auth-root-authentication-method=socket
    - makes: {{ database.data_dir }}/mysql
    - require:
      - file: database-data
      - cmd: database-data-owner

database-config:
  file.managed:
    - name: /etc/mysql/mariadb.conf.d/90-saltwatch.cnf
    - source: salt://database/files/saltwatch.cnf.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    # It names an option that does not exist, or a wrong value, before it would print its help.
    - check_cmd: sh -c '/usr/sbin/mariadbd --defaults-file="$0" --user=mysql --verbose --help >/dev/null'
    - tmp_ext: .cnf
    - require:
      - once: database-data-tables

database-unit:
  file.managed:
    - name: /etc/systemd/system/mariadb.service.d/saltwatch.conf
    - source: salt://database/files/unit.conf.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    - makedirs: True
