{%- from 'prometheus/map.jinja' import prometheus %}
{%- set rules = salt['alert_rules.render']('prometheus', prometheus) %}

prometheus-data:
  file.directory:
    - name: {{ prometheus.data_dir }}
    - user: prometheus
    - group: prometheus
    - mode: '0750'
    - require:
      - pkg: prometheus-package

# Rules that are listed no more are removed.
prometheus-rules:
  file.directory:
    - name: /etc/prometheus/rules
    - user: root
    - group: root
    - mode: '0755'
    - clean: True
    - exclude_pat: E@^({{ prometheus.rules | join('|') }})\.yaml$
    - require:
      - pkg: prometheus-package
{% for name in prometheus.rules %}
prometheus-rules-{{ name }}:
  file.managed:
    - name: /etc/prometheus/rules/{{ name }}.yaml
    - contents: {{ rules[name] | json }}
    - user: root
    - group: root
    - mode: '0644'
    - check_cmd: /usr/bin/promtool check rules
    - tmp_ext: .yaml
    - require:
      - file: prometheus-rules
{% endfor %}
# Prometheus serves them at /user/runbooks/, where the alerts' annotations lead.
prometheus-runbooks:
  file.recurse:
    - name: /etc/prometheus/assets/runbooks
    - source: salt://prometheus/files/runbooks
    - user: root
    - group: root
    - file_mode: '0644'
    - dir_mode: '0755'
    - clean: True
    - require:
      - pkg: prometheus-package

prometheus-config:
  file.managed:
    - name: /etc/prometheus/prometheus.yml
    - source: salt://prometheus/files/prometheus.yml.jinja
    - template: jinja
    - user: root
    - group: prometheus
    - mode: '0640'
    - check_cmd: /usr/bin/promtool check config
    - tmp_ext: .yml
    - require:
{%- for name in prometheus.rules %}
      - file: prometheus-rules-{{ name }}
{%- endfor %}

prometheus-arguments:
  file.managed:
    - name: /etc/default/prometheus
    - source: salt://prometheus/files/arguments.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    # Prometheus parses its flags before it prints its version.
    - check_cmd: sh -c '. "$0" && /usr/bin/prometheus $ARGS --version'
    - require:
      - pkg: prometheus-package

prometheus-unit:
  file.managed:
    - name: /etc/systemd/system/prometheus.service.d/saltwatch.conf
    - source: salt://prometheus/files/unit.conf.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    - makedirs: True
