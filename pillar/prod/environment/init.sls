# What differs in prod. A file beside this one, named after a role, is for the hosts of that role only.
fleet:
  env: prod
  managed: [database]
  services:
    database:
      clients: [app, master]  # the control node makes the application's account there
