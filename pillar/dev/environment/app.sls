# Drills and demonstrations (salt/stress) have something to ask for.
app:
  faults: True
