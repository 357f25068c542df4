# What every host has, whatever it is for.
include:
  - common.apt
  - common.ca
  - common.time
  - common.admins
  - common.ssh
  - common.system
  - common.data
