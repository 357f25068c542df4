include:
  - alloy.install
  - alloy.config
  - alloy.service
