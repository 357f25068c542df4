{% import_yaml 'fleet/versions.yaml' as versions %}
minion:
  version: '{{ versions.salt }}'
