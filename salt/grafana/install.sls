include:
  - grafana_repo

grafana-package:
  pkg.installed:
    - pkgs:
      - grafana
      - curl
    - install_recommends: False
    - require:
      - module: grafana-repo-refresh
