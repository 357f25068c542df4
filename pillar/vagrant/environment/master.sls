# There is nothing to launch from here.
master:
  cloud: False
