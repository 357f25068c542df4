# Where Alloy sends lines of chosen services beside Loki (fleet:cloudwatch_logs). For OTLP CloudWatch makes neither group
# nor stream by itself.
{%- set aws, group = pillar['aws'], salt['fleet.log_group']() %}
aws-logs-group:
  aws_logs.group_present:
    - name: {{ group }}
    - days: {{ pillar['fleet']['cloudwatch_logs']['days'] }}
    - tags: {{ salt['aws_fleet.tags']() | json }}
    - region: {{ aws['region'] }}
{%- for stream in salt['fleet.log_streams']('*').values() %}

aws-logs-stream-{{ stream }}:
  aws_logs.stream_present:
    - name: {{ stream }}
    - group: {{ group }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-logs-group
{%- endfor %}
