# The application from the control node's wheels. Nothing runs it yet: app.service switches to it.
{%- from 'app/map.jinja' import app, version %}

app-packages:
  pkg.installed:
    - pkgs:
      - logrotate
      - python3
      - python3-venv
    - install_recommends: False

app-user:
  user.present:
    - name: app
    - system: True
    - home: /nonexistent
    - createhome: False
    - shell: /usr/sbin/nologin

app-wheels:
  file.recurse:
    - name: /opt/app/wheels/{{ version }}
    - source: salt://app/{{ version }}
    - user: root
    - group: root
    - dir_mode: '0755'
    - file_mode: '0644'
    - clean: True

app-release:
  app_release.installed:
    - name: app
    - version: {{ version }}
    - require:
      - pkg: app-packages
      - file: app-wheels
