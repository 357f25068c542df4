grafana-package:
  pkg.installed:
    - pkgs:
      - grafana
      - curl
    - install_recommends: False
