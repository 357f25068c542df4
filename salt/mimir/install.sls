{%- from 'grafana_repo/map.jinja' import grafana_repo %}
include:
  - grafana_repo

mimir-tools:
  pkg.installed:
    - pkgs: [curl]
    - install_recommends: False

mimir-package:
  pkg.installed:
    - pkgs:
      - mimir: {{ grafana_repo.versions.mimir | json }}
    - hold: True
    - update_holds: True
    - install_recommends: False
    - require:
      - pkg: mimir-tools
      - file: grafana-repo-sources
      - file: grafana-repo-versions
      - module: grafana-repo-refresh
