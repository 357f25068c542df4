{% import_yaml 'aws.sls' as aws %}
{% import_yaml 'fleet/services.yaml' as services %}
# Who may come in is the environment's: `peers` in pillar/<environment>/environment/master.sls or pillar/local.
wireguard:
  port: {{ services.wireguard.port }}
  ssh_port: {{ services.ssh_admin.port }}
  # What administrators may reach in the VPC: Grafana, Alertmanager's page, and SSH as they may through the control node.
  networks: [{{ aws.aws.vpc_cidr }}]
  reach: [{{ services.ssh.port }}, {{ services.grafana.port }}, {{ services.alertmanager.port }}]
