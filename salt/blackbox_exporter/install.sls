blackbox-exporter-package:
  pkg.installed:
    - pkgs:
      - prometheus-blackbox-exporter
      - curl
    - install_recommends: False
