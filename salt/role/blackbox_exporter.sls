# Probes from outside of a service.
include:
  - blackbox_exporter
