include:
  - loki.install
  - loki.config
  - loki.service
