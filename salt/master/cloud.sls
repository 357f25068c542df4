# What salt-cloud launches the fleet with: a key pair whose private half is made here and stays here.
{%- from 'master/map.jinja' import master %}
{%- if master.cloud %}
{%- set key, name = '/etc/salt/pki/cloud/fleet_ed25519', pillar['fleet']['name'] ~ '-fleet' %}

master-cloud-packages:
  pkg.installed:
    - pkgs: {{ master.packages | json }}
    - install_recommends: False

master-fleet-key-directory:
  file.directory:
    - name: /etc/salt/pki/cloud
    - user: root
    - group: root
    - mode: '0700'

# Once: hosts that were launched know no other.
master-fleet-key:
  once.run:
    - name: ssh-keygen -q -t ed25519 -N '' -C {{ name }} -f {{ key }}
    - makes: {{ key }}
    - require:
      - pkg: master-cloud-packages
      - file: master-fleet-key-directory

master-fleet-key-pair:
  aws_key_pair.present:
    - name: {{ name }}
    - public_key_file: {{ key }}.pub
    - tags: {{ salt['aws_fleet.tags']() | json }}
    - region: {{ master.region }}
    - require:
      - once: master-fleet-key
{%- endif %}
