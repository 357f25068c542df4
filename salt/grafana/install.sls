{%- from 'grafana_repo/map.jinja' import grafana_repo %}
include:
  - grafana_repo

grafana-tools:
  pkg.installed:
    - pkgs: [adduser, curl, python3]
    - install_recommends: False

grafana-package:
  pkg.installed:
    - pkgs:
      - grafana: {{ grafana_repo.versions.grafana | json }}
    - hold: True
    - update_holds: True
    - install_recommends: False
    - require:
      - pkg: grafana-tools
      - file: grafana-repo-sources
      - file: grafana-repo-versions
      - module: grafana-repo-refresh
