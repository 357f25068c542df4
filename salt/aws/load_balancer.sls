# The way in to the application, over all zones with a public subnet: TLS with a certificate of ACM's, and HTTP only
# to send it there. Applied again after app hosts came or went, it has exactly those that run.
{%- set aws, fleet, tags = pillar['aws'], pillar['fleet']['name'], salt['aws_fleet.tags']() %}
{%- set front, name = aws['load_balancer'], fleet ~ '-app' %}
{%- set logs = salt['aws_fleet.load_balancer_logs']() %}
include:
  - aws.network
  - aws.security_groups

# The balancer can write only where S3's own key encrypts.
aws-bucket-load-balancer:
  aws_s3.bucket_present:
    - name: {{ logs['bucket'] }}
    - statements: {{ logs['statements'] | json }}
    - lifecycle: {{ salt['aws_fleet.lifecycle']({'expire': 90, 'old_versions': 1}) | json }}
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}

aws-target-group:
  aws_target_group.present:
    - name: {{ name }}
    - vpc: {{ fleet }}
    - port: {{ salt['fleet.port']('http') }}
    - health_path: /health
    - targets: {{ {'Fleet': fleet, 'Role': 'app'} | json }}
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-vpc

aws-load-balancer:
  aws_elb.present:
    - name: {{ name }}
    - vpc: {{ fleet }}
    - subnets: {{ salt['aws_fleet.subnets'](public=True) | json }}
    - security_group: {{ fleet }}-load_balancer
    - attributes:
        deletion_protection.enabled: '{{ aws['protect'] | lower }}'
        routing.http.drop_invalid_header_fields.enabled: 'true'
        access_logs.s3.enabled: 'true'
        access_logs.s3.bucket: {{ logs['bucket'] }}
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-bucket-load-balancer
      - id: aws-internet-gateway
      - id: aws-rules-{{ fleet }}-load_balancer
{%- for subnet in aws['subnets'] %}
      - id: aws-subnet-{{ subnet }}
{%- endfor %}

aws-listener-https:
  aws_elb_listener.present:
    - name: {{ name }}-https
    - balancer: {{ name }}
    - port: {{ salt['fleet.port']('load_balancer') }}
    - domain: {{ front['domain'] }}
    - tls_policy: {{ front['tls_policy'] }}
    - target_group: {{ name }}
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-load-balancer
      - id: aws-target-group

aws-listener-http:
  aws_elb_listener.present:
    - name: {{ name }}-http
    - balancer: {{ name }}
    - port: {{ salt['fleet.port']('load_balancer_http') }}
    - redirect: {{ salt['fleet.port']('load_balancer') }}
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-listener-https
{%- if 'public_zone' in front %}

aws-load-balancer-record:
  aws_route53.alias_present:
    - name: {{ front['domain'] }}
    - zone: {{ front['public_zone'] }}
    - balancer: {{ name }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-listener-https
{%- endif %}
