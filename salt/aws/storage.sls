# A bucket and a key for each component that keeps something.
{%- set aws, tags = pillar['aws'], salt['aws_fleet.tags']() %}
{%- for component, days in aws['buckets'].items() %}
aws-key-{{ component }}:
  aws_kms.key_present:
    - name: {{ salt['aws_fleet.key'](component) }}
    - description: What {{ component }} of {{ pillar['fleet']['name'] }} keeps
    - policy: {{ salt['aws_fleet.key_policy']() | json }}
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}

aws-bucket-{{ component }}:
  aws_s3.bucket_present:
    - name: {{ salt['aws_fleet.bucket'](component) }}
    - kms_key: {{ salt['aws_fleet.key'](component) }}
    - lifecycle: {{ salt['aws_fleet.lifecycle'](days) | json }}
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-key-{{ component }}
{% endfor %}
