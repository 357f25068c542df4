{% import_yaml 'fleet/versions.yaml' as versions -%}
common:
  apt:
    suite: {{ versions.debian }}
    series:
      {%- for package in ('salt-cloud', 'salt-common', 'salt-master', 'salt-minion') %}
      {{ package }}: '{{ versions.salt }}'
      {%- endfor %}
      {%- for package, series in versions.packages.items() %}
      {{ package }}: '{{ series }}'
      {%- endfor %}
