alloy-service:
  service.running:
    - name: alloy
    - enable: True
    - require:
      - file: alloy-config
    - watch:
      - file: alloy-arguments
      - file: alloy-unit

# What is read and where it goes is read again without a restart; positions are kept in either case.
alloy-reload:
  module.run:
    - service.reload:
      - name: alloy
    - require:
      - service: alloy-service
    - onchanges:
      - file: alloy-config
