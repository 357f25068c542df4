# What prod has in AWS beside what the hosts stand on.
aws:
  parts: [storage, messaging, secrets, audit, monitoring]
  protect: True
  subnets:
    private-b: {nat: public-b}  # a zone's loss leaves the other its way out
