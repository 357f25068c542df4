{%- from 'prometheus/map.jinja' import prometheus %}

prometheus-service:
  service.running:
    - name: prometheus
    - enable: True
    - require:
      - file: prometheus-data
      - file: prometheus-config
    - watch:
      - file: prometheus-arguments
      - file: prometheus-unit

# Targets and rules are read again without a restart.
prometheus-reload:
  module.run:
    - service.reload:
      - name: prometheus
    - require:
      - service: prometheus-service
    - onchanges:
      - file: prometheus-config
      - file: prometheus-rules
{%- for name in prometheus.rules %}
      - file: prometheus-rules-{{ name }}
{%- endfor %}
