# What prod has in AWS beside what the hosts stand on. The load balancer's `domain` is in pillar/local.
include:
  - environment.network
aws:
  parts: [storage, messaging, secrets, database, audit, monitoring, load_balancer]
  protect: True
  database: {class: db.t4g.medium, multi_az: True, backup_days: 30}
