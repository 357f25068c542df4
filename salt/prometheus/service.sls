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
  service.running:
    - name: prometheus
    - reload: True
    - require:
      - service: prometheus-service
    - watch:
      - file: prometheus-config
      - file: prometheus-rules
{%- for name in prometheus.rules %}
      - file: prometheus-rules-{{ name }}
{%- endfor %}
