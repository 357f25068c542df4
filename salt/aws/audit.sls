# Who did what in the account, kept for 90 days, and what looks wrong.
{%- set aws, fleet, tags = pillar['aws'], pillar['fleet']['name'], salt['aws_fleet.tags']() %}
{%- set trail = salt['aws_fleet.trail'](fleet ~ '-audit') %}
aws-key-audit:
  aws_kms.key_present:
    - name: {{ salt['aws_fleet.key']('audit') }}
    - description: The audit trail of {{ fleet }}
    - policy: {{ trail['key_policy'] | json }}
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}

aws-bucket-audit:
  aws_s3.bucket_present:
    - name: {{ trail['bucket'] }}
    - kms_key: {{ salt['aws_fleet.key']('audit') }}
    - statements: {{ trail['bucket_statements'] | json }}
    - lifecycle: {{ salt['aws_fleet.lifecycle']({'expire': 90, 'old_versions': 1}) | json }}
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-key-audit

aws-trail:
  aws_audit.trail_present:
    - name: {{ fleet }}-audit
    - bucket: {{ trail['bucket'] }}
    - kms_key: {{ salt['aws_fleet.key']('audit') }}
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-bucket-audit

aws-guardduty:
  aws_audit.detector_present:
    - name: {{ fleet }}
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}
