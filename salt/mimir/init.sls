include:
  - mimir.install
  - mimir.config
  - mimir.service
