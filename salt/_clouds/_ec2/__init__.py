"""What the EC2 driver for salt-cloud (``ec2.py`` beside this package) is made of.

Nothing here uses Salt's loader dunders: every function takes what it needs, a `Provider` first of all.
Salt's loader skips names that start with an underscore, so this is not taken for a driver of its own.
"""
