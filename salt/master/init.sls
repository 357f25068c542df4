include:
  - minion
  - master.config
  - master.cloud
  - master.artifacts
