# The role under which GitHub Actions deploys, with tokens of GitHub's in place of keys. Only where pillar names the
# repository: `aws:deployment`.
{%- set aws, name, tags = pillar['aws'], pillar['fleet']['name'], salt['aws_fleet.tags']() %}
{%- set provider = salt['aws_deployment.provider']() %}
aws-deployment-provider:
  aws_iam_oidc.present:
    - name: {{ provider['name'] }}
    - audiences: [{{ provider['audience'] }}]
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}
{%- set policies = salt['aws_deployment.policies']() %}
{%- for policy, document in policies.items() %}

aws-policy-{{ policy }}:
  aws_iam_policy.present:
    - name: {{ policy }}
    - description: What a deployment of {{ name }} may
    - document: {{ document | json }}
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}
{%- endfor %}

aws-role-deployment:
  aws_iam.role_present:
    - name: {{ name }}-deployment
    - description: Deployments of {{ name }} from {{ aws['deployment']['repository'] }}
    - trust: {{ salt['aws_deployment.trust']() | json }}
    - policies: {}
    - attached: {{ salt['aws_deployment.arns']() | json }}
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-deployment-provider
{%- for policy in policies %}
      - id: aws-policy-{{ policy }}
{%- endfor %}
