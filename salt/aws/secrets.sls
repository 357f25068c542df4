# Passwords that AWS makes up. `salt-call -c operator aws_secret.rotate NAME` makes a new one, in RDS as well where
# the secret names an instance.
{%- set aws, fleet, tags = pillar['aws'], pillar['fleet']['name'], salt['aws_fleet.tags']() %}
aws-secret-app-database:
  aws_secret.present:
    - name: {{ fleet }}/app/database
    - description: The application's account of its database
    - fields:
        username: app
        dbname: app
        host: database.{{ pillar['fleet']['zone'] }}
{%- if 'database' in aws['parts'] %}
        dbInstanceIdentifier: {{ salt['aws_fleet.database']() }}
{%- endif %}
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}

aws-secret-grafana-admin:
  aws_secret.present:
    - name: {{ fleet }}/grafana/admin
    - description: Grafana's administrator
    - fields: {username: admin}
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}
