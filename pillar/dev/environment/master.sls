# The control node compares AWS with this.
include:
  - aws
# dev is what the rehearsal is: tests make drifts of their own, and say when they are looked for.
drift:
  enabled: False
