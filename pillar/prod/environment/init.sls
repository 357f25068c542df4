# What differs in prod. A file beside this one, named after a role, is for the hosts of that role only.
fleet:
  env: prod
  managed: [database, load_balancer]
  # The application's hosts are reached through the load balancer, and by nobody else from outside.
  public_roles: [master]
  # What users did is known even if the fleet's own monitoring is lost.
  cloudwatch_logs: {services: [http, app]}
  services:
    database: {clients: [app, master]}  # the control node makes the application's account there
    http: {clients: [load_balancer, blackbox_exporter]}
    https: {clients: [blackbox_exporter]}
