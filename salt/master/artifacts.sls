# What app hosts install, built here once per content of app/ and served by the master.
{%- from 'master/map.jinja' import master %}
{%- set build = '/usr/bin/python3 /usr/local/lib/saltwatch/build-app ' ~ master.checkout ~ '/app ' ~ master.artifacts ~ '/app' %}

# Debian's own setuptools builds the application: nothing that is not pinned is fetched.
master-artifacts-packages:
  pkg.installed:
    - pkgs: [python3-pip, python3-setuptools, python3-wheel]
    - install_recommends: False

master-artifacts-builder:
  file.managed:
    - name: /usr/local/lib/saltwatch/build-app
    - source: salt://master/files/build_app.py
    - user: root
    - group: root
    - mode: '0644'
    - makedirs: True

master-artifacts-app:
  once.run:
    - name: {{ build }}
    - until: {{ build }} --check
    - require:
      - pkg: master-artifacts-packages
      - file: master-artifacts-builder
