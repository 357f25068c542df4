# What differs in dev. A file beside this one, named after a role, is for the hosts of that role only.
# `fleet:admin_cidrs` is each administrator's own: in pillar/local/local.sls.
fleet:
  env: dev
# dev is what the rehearsal is: tests make drifts of their own, and nobody is to mend them meanwhile.
highstate:
  enabled: False
