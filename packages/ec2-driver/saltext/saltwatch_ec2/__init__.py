"""The EC2 driver for salt-cloud as a Salt extension: the loader finds it in ``clouds`` beside this file."""
