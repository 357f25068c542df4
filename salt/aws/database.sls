# RDS for the application. Its master account is the secret <fleet>/database/master; the application's own account is
# made by the control node (salt/database_account).
{%- set aws, fleet, tags = pillar['aws'], pillar['fleet']['name'], salt['aws_fleet.tags']() %}
{%- set zone, name = pillar['fleet']['zone'], salt['aws_fleet.database']() %}
{%- set release = aws['database']['version'] %}
{%- set parameters = name ~ '-mysql' ~ release | replace('.', '-') %}
include:
  - aws.network
  - aws.security_groups
  - aws.dns
  - aws.secrets

aws-key-database:
  aws_kms.key_present:
    - name: {{ salt['aws_fleet.key']('database') }}
    - description: The database of {{ fleet }}
    - policy: {{ salt['aws_fleet.key_policy']() | json }}
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}

# RDS would make it, and keep its lines for ever.
aws-database-log:
  aws_logs.group_present:
    - name: /aws/rds/instance/{{ name }}/error
    - days: 7
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}

aws-database-subnets:
  aws_rds.subnet_group_present:
    - name: {{ name }}
    - description: Private subnets of {{ fleet }}
    - vpc: {{ fleet }}
    - subnets: {{ salt['aws_fleet.subnets'](public=False) | json }}
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}
    - require:
{%- for subnet in aws['subnets'] %}
      - id: aws-subnet-{{ subnet }}
{%- endfor %}

# Who does not speak TLS is refused. A group is of one release; one that is followed by another goes with aws.absent.
aws-database-parameters:
  aws_rds_parameters.present:
    - name: {{ parameters }}
    - family: mysql{{ release }}
    - description: MySQL of {{ fleet }}
    - parameters: {require_secure_transport: '1'}
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}

aws-database:
  aws_rds.instance_present:
    - name: {{ name }}
    - settings: {{ aws['database'] | json }}
    - secret: {{ salt['fleet.master_secret']() }}
    - kms_key: {{ salt['aws_fleet.key']('database') }}
    - subnet_group: {{ name }}
    - parameter_group: {{ parameters }}
    - security_group: {{ fleet }}-database
    - vpc: {{ fleet }}
    - deletion_protection: {{ aws['protect'] }}
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-key-database
      - id: aws-database-log
      - id: aws-database-parameters
      - id: aws-database-subnets
      - id: aws-rules-{{ fleet }}-database
      - id: aws-secret-database-master

aws-database-record:
  aws_route53.record_present:
    - name: database.{{ zone }}
    - zone: {{ zone }}
    - vpc: {{ fleet }}
    - type: CNAME
    - database: {{ name }}
    - ttl: 60
    - region: {{ aws['region'] }}
    - require:
      - id: aws-zone
      - id: aws-database
{%- for account, secret in {'app': salt['fleet.database_secret'](), 'master': salt['fleet.master_secret']()}.items() %}

# Whose certificate they expect: the endpoint's, and not that of our name for it.
aws-database-endpoint-{{ account }}:
  aws_secret.endpoint_present:
    - name: {{ secret }}
    - database: {{ name }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-database
{%- endfor %}
