database-package:
  pkg.installed:
    - pkgs:
      - mariadb-server
      - mariadb-client
    - install_recommends: False
