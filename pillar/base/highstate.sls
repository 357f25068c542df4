# When hosts apply their highstate by themselves: salt/highstate/defaults.yaml.
highstate: {}
