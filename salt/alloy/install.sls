include:
  - grafana_repo

alloy-package:
  pkg.installed:
    - pkgs:
      - alloy
      - curl
    - install_recommends: False
    - require:
      - module: grafana-repo-refresh

# adm reads the log files, systemd-journal the journal.
alloy-user:
  user.present:
    - name: alloy
    - groups: [adm, systemd-journal]
    - remove_groups: False
    - createhome: False
    - require:
      - pkg: alloy-package
