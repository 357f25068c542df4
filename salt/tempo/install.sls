{%- from 'grafana_repo/map.jinja' import grafana_repo %}
include:
  - grafana_repo

# Its package makes the user tempo with adduser and does not say so.
tempo-tools:
  pkg.installed:
    - pkgs: [adduser, curl]
    - install_recommends: False

tempo-package:
  pkg.installed:
    - pkgs:
      - tempo: {{ grafana_repo.versions.tempo | json }}
    - hold: True
    - update_holds: True
    - install_recommends: False
    - require:
      - pkg: tempo-tools
      - file: grafana-repo-sources
      - file: grafana-repo-versions
      - module: grafana-repo-refresh
