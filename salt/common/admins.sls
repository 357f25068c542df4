# Who administers the hosts: by key only, with sudo. No one else may log in but the image's own user.
{% from 'common/map.jinja' import common -%}
common-admins-group:
  group.present:
    - name: admins
    - system: True

common-admins-sudo:
  file.managed:
    - name: /etc/sudoers.d/saltwatch
    - contents: |
        # Managed by Salt: salt://common/admins.sls
        %admins ALL=(ALL:ALL) NOPASSWD: ALL
    - user: root
    - group: root
    - mode: '0440'
    - check_cmd: visudo --check --strict --file
    - require:
      - pkg: common-packages
      - group: common-admins-group
{% for name, admin in common.admins | dictsort %}
common-admin-{{ name }}:
  user.present:
    - name: {{ name }}
    - gid: admins
    - shell: /bin/bash
    - require:
      - group: common-admins-group

# All of the user's keys: one that is not in pillar goes.
common-admin-{{ name }}-keys:
  ssh_auth.manage:
    - user: {{ name }}
    - ssh_keys: {{ admin.ssh_keys | json }}
    - require:
      - user: common-admin-{{ name }}
{% endfor -%}
{% for name in common.former_admins %}
common-admin-{{ name }}:
  user.absent:
    - name: {{ name }}
    - purge: True
    - force: True
{% endfor -%}
