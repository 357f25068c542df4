# The application's account in the database that AWS runs, made by the control node as RDS's master account: no other
# host can read that. What it may do is what salt/database gives it on a host of ours.
{%- import_yaml 'database/defaults.yaml' as database %}
{%- set fleet, account = pillar['fleet'], pillar['database_account'] %}
include:
  - minion

database-account-certificates:
  file.managed:
    - name: /etc/ssl/certs/rds-{{ fleet.region }}.pem
    - source: https://truststore.pki.rds.amazonaws.com/{{ fleet.region }}/{{ fleet.region }}-bundle.pem
    - skip_verify: True  # Amazon changes it when it likes; it comes over TLS
    - user: root
    - group: root
    - mode: '0644'

database-account-user:
  mariadb.user_present:
    - name: {{ database.user }}
    - hosts: {{ account.clients | json }}
    - database: {{ database.name }}
    - privileges: {{ database.privileges | json }}
    - secret: {{ salt['fleet.database_secret']() }}
    - region: {{ fleet.region }}
    - server:
        host: database.{{ fleet.zone }}
        port: {{ salt['fleet.port']('database') }}
        secret: {{ salt['fleet.master_secret']() }}
        ca: /etc/ssl/certs/rds-{{ fleet.region }}.pem
    - require:
      - file: database-account-certificates
