alertmanager-package:
  pkg.installed:
    - pkgs:
      - prometheus-alertmanager
      - curl
    - install_recommends: False
