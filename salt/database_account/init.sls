# The application's account in the database that AWS runs, made by the control node as RDS's master account: no other
# host can read that. What it may do is what salt/database gives it on a host of ours.
{%- import_yaml 'database/defaults.yaml' as database %}
{%- set fleet, account = pillar['fleet'], pillar['database_account'] %}
include:
  - minion
  - rds_ca

database-account-user:
  mariadb.user_present:
    - name: {{ database.user }}
    - hosts: {{ account.clients | json }}
    - database: {{ database.name }}
    - privileges: {{ database.privileges | json }}
    - secret: {{ salt['fleet.database_secret']() }}
    - region: {{ fleet.region }}
    - server:
        port: {{ salt['fleet.port']('database') }}
        secret: {{ salt['fleet.master_secret']() }}
        ca: {{ salt['fleet.database_ca']() }}
    - require:
      - file: rds-ca-bundle
