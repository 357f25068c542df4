include:
  - blackbox_exporter.install
  - blackbox_exporter.config
  - blackbox_exporter.service
