# What differs in the virtual machines of `vagrant up`: no AWS, so no metadata service and no S3. A file
# beside this one, named after a role, is for the hosts of that role only.
fleet:
  env: vagrant
  region: null
common:
  time:
    servers: [0.debian.pool.ntp.org, 1.debian.pool.ntp.org]
