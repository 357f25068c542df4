# Who did what in the account, kept for 90 days, and what looks wrong.
{%- set aws, fleet, tags = pillar['aws'], pillar['fleet']['name'], salt['aws_fleet.tags']() %}
{%- set key, trail = salt['aws_fleet.key']('audit'), salt['aws_fleet.trail']() %}
aws-key-audit:
  aws_kms.key_present:
    - name: {{ key }}
    - description: The audit trail of {{ fleet }}
    - policy: {{ trail['key_policy'] | json }}
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}

aws-bucket-audit:
  aws_s3.bucket_present:
    - name: {{ trail['bucket'] }}
    - kms_key: {{ key }}
    - statements: {{ trail['bucket_statements'] | json }}
    - lifecycle: {{ salt['aws_fleet.lifecycle']({'expire': 90, 'old_versions': 1}) | json }}
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-key-audit

aws-trail:
  aws_cloudtrail.present:
    - name: {{ trail['name'] }}
    - bucket: {{ trail['bucket'] }}
    - kms_key: {{ key }}
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-bucket-audit

aws-guardduty:
  aws_guardduty.present:
    - name: {{ fleet }}
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}

# What GuardDuty finds is kept for a week, and counted, which aws.monitoring has an alarm for.
{%- set findings = salt['aws_monitoring.findings']() %}
aws-findings-group:
  aws_logs.group_present:
    - name: {{ findings['group'] }}
    - days: 7
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}

aws-findings-policy:
  aws_logs.policy_present:
    - name: {{ findings['name'] }}
    - policy: {{ findings['policy'] | json }}
    - region: {{ aws['region'] }}

aws-findings-rule:
  aws_events.rule_present:
    - name: {{ findings['name'] }}
    - description: What GuardDuty finds, for the log group {{ findings['group'] }}
    - pattern: {{ findings['pattern'] | json }}
    - target: {{ findings['target'] }}
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-findings-group
      - id: aws-findings-policy
