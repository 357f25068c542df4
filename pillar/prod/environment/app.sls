{% import_yaml 'aws.sls' as aws %}
# RDS, under the name that aws.database gives it.
app:
  database:
    host: database.saltwatch.internal
# The load balancer's nodes are in the public subnets.
nginx:
  proxies:
{%- for name, subnet in aws.aws.subnets | dictsort if name.startswith('public-') %}
    - {{ subnet.cidr }}
{%- endfor %}
