{%- from 'grafana_repo/map.jinja' import grafana_repo %}
include:
  - grafana_repo

# Its package makes the user loki with adduser and does not say so.
loki-tools:
  pkg.installed:
    - pkgs: [adduser, curl]
    - install_recommends: False

loki-package:
  pkg.installed:
    - pkgs:
      - loki: {{ grafana_repo.versions.loki | json }}
    - hold: True
    - update_holds: True
    - install_recommends: False
    - require:
      - pkg: loki-tools
      - file: grafana-repo-sources
      - file: grafana-repo-versions
      - module: grafana-repo-refresh
