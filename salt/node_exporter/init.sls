include:
  - node_exporter.install
  - node_exporter.config
  - node_exporter.service
