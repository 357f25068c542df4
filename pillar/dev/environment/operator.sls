# What dev has in AWS beside what the hosts stand on: what the hosts use. Its cost is that of the keys and secrets.
aws:
  parts: [storage, messaging, secrets]
