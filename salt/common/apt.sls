# Where packages come from, which series of them, and security updates without a hand.
{% from 'common/map.jinja' import common -%}
{% if common.apt.mirror -%}
common-apt-sources:
  file.managed:
    - name: /etc/apt/sources.list.d/debian.sources
    - source: salt://common/files/debian.sources.jinja
    - template: jinja
    - mode: '0644'
    - context:
        mirror: {{ common.apt.mirror | json }}
        suite: {{ common.apt.suite | json }}
    - require_in:
      - pkg: common-packages
{%- endif %}

# Outside of its series a package cannot be installed at all, from whatever source.
common-apt-series:
  file.managed:
    - name: /etc/apt/preferences.d/saltwatch
    - source: salt://common/files/preferences.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    - context:
        series: {{ common.apt.series | json }}

# A state waits for unattended-upgrades instead of failing.
common-apt-lock:
  file.managed:
    - name: /etc/apt/apt.conf.d/60saltwatch-lock
    - contents: 'DPkg::Lock::Timeout "300";'
    - user: root
    - group: root
    - mode: '0644'

common-packages:
  pkg.installed:
    - pkgs: {{ (common.packages + ['unattended-upgrades']) | json }}
    - require:
      - file: common-apt-series
      - file: common-apt-lock

common-updates:
  file.managed:
    - name: /etc/apt/apt.conf.d/60saltwatch-updates
    - source: salt://common/files/updates.conf
    - user: root
    - group: root
    - mode: '0644'
    - check_cmd: apt-config dump --config-file
    - require:
      - pkg: common-packages
