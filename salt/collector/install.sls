collector-packages:
  pkg.installed:
    - pkgs:
      - curl
      - python3-prometheus-client
      - python3-psutil
    - install_recommends: False

collector-user:
  user.present:
    - name: collector
    - system: True
    - home: /nonexistent
    - createhome: False
    - shell: /usr/sbin/nologin

collector-program:
  file.managed:
    - name: /usr/local/lib/saltwatch/collector
    - source: salt://collector/files/collector.py
    - user: root
    - group: root
    - mode: '0755'
    - makedirs: True
