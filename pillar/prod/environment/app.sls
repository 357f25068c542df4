# RDS, under the name that aws.database gives it.
app:
  database:
    host: database.saltwatch.internal
