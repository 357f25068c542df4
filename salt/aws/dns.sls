# The private zone. Its hosts' records are written by salt-cloud; those of the services are here.
{%- set aws, name, tags = pillar['aws'], pillar['fleet']['name'], salt['aws_fleet.tags']() %}
{%- set zone = pillar['fleet']['zone'] %}
include:
  - aws.network

aws-zone:
  aws_route53.zone_present:
    - name: {{ zone }}
    - vpc: {{ name }}
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-vpc
{% for alias, host in salt['aws_fleet.service_records']().items() %}
aws-record-{{ alias }}:
  aws_route53.record_present:
    - name: {{ alias }}
    - zone: {{ zone }}
    - vpc: {{ name }}
    - type: CNAME
    - values: [{{ host }}]
    - ttl: 60
    - region: {{ aws['region'] }}
    - require:
      - id: aws-zone
{% endfor %}
