include:
  - minion
  - database.install
  - database.config
  - database.service
  - database.access
