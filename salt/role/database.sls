# The application's database, where AWS has RDS.
include:
  - database
