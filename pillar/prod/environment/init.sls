# What differs in prod. A file beside this one, named after a role, is for the hosts of that role only.
fleet:
  env: prod
  managed: [database]
