# One role and instance profile a fleet role. What it may do is in policies/<role>.yaml; without that, nothing.
{%- set aws, name, tags = pillar['aws'], pillar['fleet']['name'], salt['aws_fleet.tags']() %}
{%- for role, policies in salt['aws_fleet.policies']().items() %}
aws-role-{{ role }}:
  aws_iam.role_present:
    - name: {{ name }}-{{ role }}
    - description: Hosts of the role {{ role }} of {{ name }}
    - trust:
        Version: '2012-10-17'
        Statement:
          - Effect: Allow
            Principal: {Service: ec2.amazonaws.com}
            Action: sts:AssumeRole
    - policies: {{ policies | json }}
    - instance_profile: True
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}
{% endfor %}
