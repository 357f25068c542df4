{%- from 'grafana_repo/map.jinja' import grafana_repo %}
include:
  - grafana_repo

alloy-tools:
  pkg.installed:
    - pkgs: [curl, iproute2]
    - install_recommends: False

alloy-package:
  pkg.installed:
    - pkgs:
      - alloy: {{ grafana_repo.versions.alloy | json }}
    - hold: True
    - update_holds: True
    - install_recommends: False
    - require:
      - pkg: alloy-tools
      - file: grafana-repo-sources
      - file: grafana-repo-versions
      - module: grafana-repo-refresh
