include:
  - grafana.install
  - grafana.config
  - grafana.provisioning
  - grafana.service
