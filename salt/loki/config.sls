{%- from 'loki/map.jinja' import loki %}
{%- set rules = salt['alert_rules.render']('loki', loki) %}

loki-data:
  file.directory:
    - name: {{ loki.data_dir }}
    - user: loki
    - mode: '0700'
    - require:
      - pkg: loki-package

# Rules that are listed no more are removed. `fake` is Loki's name of the tenant where there are none.
loki-rules:
  file.directory:
    - name: /etc/loki/rules/fake
    - user: root
    - group: root
    - mode: '0755'
    - makedirs: True
    - clean: True
    - exclude_pat: E@^({{ loki.rules | join('|') }})\.yaml$
    - require:
      - pkg: loki-package
{% for name in loki.rules %}
loki-rules-{{ name }}:
  file.managed:
    - name: /etc/loki/rules/fake/{{ name }}.yaml
    - contents: {{ rules[name] | json }}
    - user: root
    - group: root
    - mode: '0644'
    - require:
      - file: loki-rules
{% endfor %}
# There is no secret in it: the bucket is opened with the role of the instance.
loki-config:
  file.managed:
    - name: /etc/loki/config.yml
    - source: salt://loki/files/config.yml.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    - check_cmd: /usr/bin/loki -verify-config -config.file
    - tmp_ext: .yml
    - require:
      - pkg: loki-package

loki-unit:
  file.managed:
    - name: /etc/systemd/system/loki.service.d/saltwatch.conf
    - source: salt://loki/files/unit.conf.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    - makedirs: True
