# Every host.
include:
  - common
  - minion
  - node_exporter
  - collector
