{%- from 'alertmanager/map.jinja' import alertmanager %}
{%- set secrets = salt['alert_routing.secrets'](alertmanager) %}
{%- set directory = '/etc/prometheus' %}

alertmanager-data:
  file.directory:
    - name: {{ alertmanager.data_dir }}
    - user: prometheus
    - group: prometheus
    - mode: '0750'
    - require:
      - pkg: alertmanager-package

# Debian runs Prometheus and its exporters as the same user; what receivers are reached by is for this one of them.
alertmanager-group:
  group.present:
    - name: alertmanager
    - system: True

# Alertmanager reads a secret when it sends: a new one needs no reload. Those of receivers that are no more are removed.
alertmanager-secrets:
  file.directory:
    - name: /etc/alertmanager
    - user: root
    - group: alertmanager
    - mode: '0750'
    - clean: True
    - exclude_pat: E@^({{ secrets | join('|') }})$
    - require:
      - pkg: alertmanager-package
      - group: alertmanager-group
{% for name, key in secrets | dictsort %}
alertmanager-secret-{{ name }}:
  secret_file.managed:
    - name: /etc/alertmanager/{{ name }}
    - group: alertmanager
    - pillar: {{ key }}
    - require:
      - file: alertmanager-secrets
    - require_in:
      - file: alertmanager-config
{% endfor %}
alertmanager-templates:
  file.managed:
    - name: {{ directory }}/alertmanager_templates/saltwatch.tmpl
    - source: salt://alertmanager/files/templates/saltwatch.tmpl
    - user: root
    - group: root
    - mode: '0644'
    - check_cmd: >-
        /usr/bin/amtool template render --template.text='{{ '{{ template "saltwatch.title" . }}{{ template "saltwatch.text" . }}' }}'
        --template.glob
    - require:
      - pkg: alertmanager-package

alertmanager-config:
  file.managed:
    - name: {{ directory }}/alertmanager.yml
    - source: salt://alertmanager/files/alertmanager.yml.jinja
    - template: jinja
    - user: root
    - group: prometheus
    - mode: '0640'
    - check_cmd: /usr/bin/amtool check-config
    - tmp_ext: .yml
    - require:
      - file: alertmanager-templates

alertmanager-arguments:
  file.managed:
    - name: /etc/default/prometheus-alertmanager
    - source: salt://alertmanager/files/arguments.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    # Alertmanager parses its flags before it prints its version.
    - check_cmd: sh -c '. "$0" && /usr/bin/prometheus-alertmanager $ARGS --version'
    - require:
      - pkg: alertmanager-package

alertmanager-unit:
  file.managed:
    - name: /etc/systemd/system/prometheus-alertmanager.service.d/saltwatch.conf
    - source: salt://alertmanager/files/unit.conf.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    - makedirs: True
    - require:
      - group: alertmanager-group
