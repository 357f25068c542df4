# CloudWatch's alarms as metrics, where pillar has the key: Prometheus alerts on them (its rules `aws`), and they
# reach Alertmanager's receivers like any other alert.
{%- if 'aws_alarms' in pillar %}
aws-alarms-packages:
  pkg.installed:
    - pkgs:
      - python3-boto3
      - python3-prometheus-client
    - install_recommends: False

aws-alarms-program:
  file.managed:
    - name: /usr/local/lib/saltwatch/aws-alarms
    - source: salt://aws_alarms/files/aws_alarms.py
    - user: root
    - group: root
    - mode: '0755'
    - makedirs: True

aws-alarms-unit:
  file.managed:
    - name: /etc/systemd/system/aws-alarms.service
    - source: salt://aws_alarms/files/aws-alarms.service.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'

aws-alarms-timer-unit:
  file.managed:
    - name: /etc/systemd/system/aws-alarms.timer
    - source: salt://aws_alarms/files/aws-alarms.timer
    - user: root
    - group: root
    - mode: '0644'

aws-alarms-timer:
  service.running:
    - name: aws-alarms.timer
    - enable: True
    - require:
      - pkg: aws-alarms-packages
      - file: aws-alarms-program
    - watch:
      - file: aws-alarms-unit
      - file: aws-alarms-timer-unit
{%- endif %}
