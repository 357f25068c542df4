include:
  - collector.install
  - collector.config
  - collector.service
