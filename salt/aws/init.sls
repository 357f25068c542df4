# What the fleet stands on in AWS. Applied from the operator's machine, before the first host:
#   salt-call -c operator state.apply aws
# Each part can be applied alone (`aws.network`), once those it includes stand.
include:
  - aws.network
  - aws.security_groups
  - aws.iam
  - aws.dns
  - aws.key_pair
