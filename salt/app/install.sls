# The application from the control node's wheels. Nothing runs it yet: app.service switches to it.
{%- from 'app/map.jinja' import app, version %}

app-packages:
  pkg.installed:
    - pkgs:
      - curl
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

app-install-script:
  file.managed:
    - name: /usr/local/lib/saltwatch/install-app
    - source: salt://app/files/install.sh
    - user: root
    - group: root
    - mode: '0755'
    - makedirs: True

app-wheels:
  file.recurse:
    - name: /opt/app/wheels/{{ version }}
    - source: salt://app/{{ version }}
    - user: root
    - group: root
    - dir_mode: '0755'
    - file_mode: '0644'
    - clean: True

# A virtual environment is made in its final place: it cannot be moved there.
app-release:
  cmd.run:
    - name: /usr/local/lib/saltwatch/install-app {{ version }}
    - creates: /opt/app/releases/{{ version }}/complete
    - require:
      - pkg: app-packages
      - file: app-install-script
      - file: app-wheels
