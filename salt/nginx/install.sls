nginx-package:
  pkg.installed:
    - pkgs:
      - nginx
      - prometheus-nginx-exporter
      - curl
      - logrotate
    - install_recommends: False
