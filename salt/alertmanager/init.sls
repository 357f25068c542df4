include:
  - alertmanager.install
  - alertmanager.config
  - alertmanager.service
