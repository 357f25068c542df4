# What a host keeps when it is rebuilt: its data volume, or a plain directory where it has none.
{% from 'common/map.jinja' import common -%}
{% set device = salt['data_volume.find']() -%}
# Before the mount the mount point, afterwards the volume's own root, which mkfs makes just so.
common-data-directory:
  file.directory:
    - name: {{ common.data.directory }}
    - user: root
    - group: root
    - mode: '0755'

{% if device -%}
# A volume with anything on it is never formatted: one with something else than ext4 fails to mount.
common-data-format:
  data_volume.formatted:
    - name: {{ device }}
    - label: data

common-data-mount:
  mount.mounted:
    - name: {{ common.data.directory }}
    - device: {{ device }}
    - fstype: ext4
    - opts: [noatime, nodev, nosuid, nofail]
    - pass_num: 2
    - failhard: True  # or what follows would fill the root volume
    - require:
      - file: common-data-directory
      - data_volume: common-data-format
{% endif %}
