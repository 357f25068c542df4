# What became of a whole highstate, as metrics: named in the top file, after all else, and included nowhere.
highstate-record:
  highstate.recorded:
    - name: /var/lib/prometheus/node-exporter
