# The control node compares AWS with the first two.
include:
  - aws
  - environment.network
master:
  maps: [prod.map]
# It makes the application's account in RDS.
database_account:
  clients: ['10.0.%']
minion:
  extensions:
    PyMySQL: '1.2.4'
