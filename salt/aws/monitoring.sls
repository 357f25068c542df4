# Alarms of the parts that are switched on (alarms.yaml), and a dashboard of what they watch.
{%- set aws, fleet, tags = pillar['aws'], pillar['fleet'], salt['aws_fleet.tags']() %}
{%- set alarms = salt['aws_monitoring.alarms']() %}
{%- for name, alarm in alarms.items() %}
aws-alarm-{{ name }}:
  aws_cloudwatch.alarm_present:
    - name: {{ name }}
{%- for argument, value in alarm.items() %}
    - {{ argument }}: {{ value | json }}
{%- endfor %}
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}
{% endfor %}
aws-dashboard:
  aws_cloudwatch.dashboard_present:
    - name: {{ fleet['name'] }}-{{ fleet['env'] }}
    - widgets: {{ salt['aws_monitoring.widgets'](alarms) | json }}
    - region: {{ aws['region'] }}
