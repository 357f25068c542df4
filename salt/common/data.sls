# What a host keeps when it is rebuilt: its data volume, or a plain directory where it has none.
{% from 'common/map.jinja' import common -%}
{% set device = salt['data_volume.find']() -%}
{% if device -%}
# A volume with anything on it is never formatted: one with something else than ext4 fails to mount.
common-data-format:
  cmd.run:
    - name: mkfs.ext4 -q -m 1 -L data {{ device }}
    - onlyif:
      - fun: data_volume.is_blank
        device: {{ device }}

common-data-mount:
  mount.mounted:
    - name: {{ common.data.directory }}
    - device: {{ device }}
    - fstype: ext4
    - opts: [noatime, nodev, nosuid, nofail]
    - mkmnt: True
    - pass_num: 2
    - require:
      - cmd: common-data-format

{% endif -%}
common-data-directory:
  file.directory:
    - name: {{ common.data.directory }}
    - user: root
    - group: root
    - mode: '0755'
    {%- if device %}
    - require:
      - mount: common-data-mount
    {%- endif %}
