prometheus-package:
  pkg.installed:
    - pkgs:
      - prometheus
      - promtool
      - curl
    - install_recommends: False
