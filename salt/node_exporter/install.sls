node-exporter-package:
  pkg.installed:
    - pkgs:
      - prometheus-node-exporter
      - curl
      - dbus
    - install_recommends: False
