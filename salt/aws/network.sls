{%- set aws, name, tags = pillar['aws'], pillar['fleet']['name'], salt['aws_fleet.tags']() -%}
aws-vpc:
  aws_vpc.present:
    - name: {{ name }}
    - cidr_block: {{ aws['vpc_cidr'] }}
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}

aws-internet-gateway:
  aws_gateway.internet_present:
    - name: {{ name }}
    - vpc: {{ name }}
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-vpc
{% for subnet, wanted in aws['subnets'].items() %}
aws-subnet-{{ subnet }}:
  aws_vpc.subnet_present:
    - name: {{ name }}-{{ subnet }}
    - vpc: {{ name }}
    - cidr_block: {{ wanted['cidr'] }}
    - availability_zone: {{ wanted['zone'] }}
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-vpc
{% endfor %}
{%- for subnet in salt['aws_fleet.nat_subnets']() %}
aws-nat-gateway-{{ subnet }}:
  aws_gateway.nat_present:
    - name: {{ name }}-{{ subnet }}
    - vpc: {{ name }}
    - subnet: {{ name }}-{{ subnet }}
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-internet-gateway
      - id: aws-subnet-{{ subnet }}
{% endfor %}
{%- set tables = salt['aws_fleet.route_tables']() %}
{%- for table, wanted in tables.items() %}
aws-route-table-{{ table }}:
  aws_route_table.present:
    - name: {{ table }}
    - vpc: {{ name }}
    - subnets: {{ wanted['subnets'] | json }}
    - routes: {{ {'0.0.0.0/0': wanted['gateway']} | json }}
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}
    - require:
      - id: aws-internet-gateway
{%- for subnet in aws['subnets'] %}
      - id: aws-subnet-{{ subnet }}
{%- endfor %}
{%- for subnet in salt['aws_fleet.nat_subnets']() %}
      - id: aws-nat-gateway-{{ subnet }}
{%- endfor %}
{% endfor %}
aws-endpoint-s3:
  aws_gateway.endpoint_present:
    - name: {{ name }}-s3
    - vpc: {{ name }}
    - service: com.amazonaws.{{ aws['region'] }}.s3
    - route_tables: {{ tables.keys() | list | json }}
    - tags: {{ tags | json }}
    - region: {{ aws['region'] }}
    - require:
{%- for table in tables %}
      - id: aws-route-table-{{ table }}
{%- endfor %}
