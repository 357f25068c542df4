# Passwords that AWS makes up. `aws_secret.rotate NAME` makes a new one: docs/aws/README.md says where, of which.
{%- set aws, tags = pillar['aws'], salt['aws_fleet.tags']() %}
aws-secret-app-database:
  aws_secret.present:
    - name: {{ salt['fleet.database_secret']() }}
    - description: The application's account of its database
    - fields:
        username: app
        dbname: app
{%- if 'database' not in aws['parts'] %}
        host: database.{{ pillar['fleet']['zone'] }}
{%- endif %}
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}
{%- if 'database' in aws['parts'] %}

# Only the control node reads it: to make the application's account, which may do less.
aws-secret-database-master:
  aws_secret.present:
    - name: {{ salt['fleet.master_secret']() }}
    - description: The master account of RDS
    - fields:
        username: master
        dbname: app
        dbInstanceIdentifier: {{ salt['aws_fleet.database']() }}
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}
{%- endif %}

aws-secret-grafana-admin:
  aws_secret.present:
    - name: {{ salt['fleet.grafana_secret']() }}
    - description: Grafana's administrator
    - fields: {username: admin}
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}
