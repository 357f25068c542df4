# Grafana Labs' packages: their repository or a mirror, the key that signs it, and the one version of each.
{% from 'grafana_repo/map.jinja' import grafana_repo -%}
{% set url = grafana_repo.mirror or grafana_repo.url -%}
grafana-repo-tools:
  pkg.installed:
    - pkgs: [gpg]
    - install_recommends: False

grafana-repo-key:
  apt_key.present:
    - name: /etc/apt/keyrings/grafana.asc
    - fingerprint: {{ grafana_repo.key.fingerprint }}
{%- if 'text' in grafana_repo.key %}
    - text: {{ grafana_repo.key.text | json }}
{%- else %}
    - source: {{ url }}/gpg.key
{%- endif %}
    - require:
      - pkg: grafana-repo-tools

grafana-repo-sources:
  file.managed:
    - name: /etc/apt/sources.list.d/grafana.sources
    - source: salt://grafana_repo/files/grafana.sources.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    - context:
        url: {{ url | json }}
        suite: {{ grafana_repo.suite | json }}
    - require:
      - apt_key: grafana-repo-key

grafana-repo-versions:
  file.managed:
    - name: /etc/apt/preferences.d/grafana
    - source: salt://grafana_repo/files/preferences.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    - context:
        host: {{ url.split('/')[2].split(':')[0] | json }}
        versions: {{ grafana_repo.versions | json }}

grafana-repo-refresh:
  module.run:
    - pkg.refresh_db:
      - failhard: True
    - require:
      - file: grafana-repo-versions
    - onchanges:
      - apt_key: grafana-repo-key
      - file: grafana-repo-sources
      - file: grafana-repo-versions
