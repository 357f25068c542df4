# Certificate authorities that the fleet trusts besides Debian's.
{% from 'common/map.jinja' import common -%}
{% if common.ca_certificates -%}
{% for name, certificate in common.ca_certificates | dictsort -%}
common-ca-{{ name }}:
  file.managed:
    - name: /usr/local/share/ca-certificates/{{ name }}.crt
    - contents: {{ certificate | json }}
    - mode: '0644'
    - check_cmd: openssl x509 -noout -in
    - require:
      - pkg: common-packages

{% endfor -%}
# Programs read the bundle that this makes.
common-ca-bundle:
  cmd.run:
    - name: update-ca-certificates
    - onchanges:
      {%- for name in common.ca_certificates | sort %}
      - file: common-ca-{{ name }}
      {%- endfor %}
{%- endif %}
