include:
  - tempo.install
  - tempo.config
  - tempo.service
