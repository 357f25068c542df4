# When the control node looks for drift: salt/drift/defaults.yaml.
drift: {}
