{%- from 'wireguard/map.jinja' import wireguard %}
{%- set scripts = '/usr/local/lib/saltwatch' %}

wireguard-sync:
  file.managed:
    - name: {{ scripts }}/wireguard-sync
    - source: salt://wireguard/files/sync.sh
    - user: root
    - group: root
    - mode: '0755'
    - makedirs: True

wireguard-check:
  file.managed:
    - name: {{ scripts }}/wireguard-check
    - source: salt://wireguard/files/check.sh
    - user: root
    - group: root
    - mode: '0755'
    - makedirs: True

wireguard-config:
  file.managed:
    - name: /etc/wireguard/wg0.conf
    - source: salt://wireguard/files/wg0.conf.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    - check_cmd: {{ scripts }}/wireguard-check {{ wireguard.implementation }}
    - require:
      - file: wireguard-directory
      - file: wireguard-check

wireguard-rules:
  file.managed:
    - name: /etc/wireguard/wg0.nft
    - source: salt://wireguard/files/wg0.nft.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'
    - check_cmd: /usr/sbin/nft --check --file
    - require:
      - file: wireguard-directory

wireguard-unit:
  file.managed:
    - name: /etc/systemd/system/wireguard.service
    - source: salt://wireguard/files/wireguard.service.jinja
    - template: jinja
    - user: root
    - group: root
    - mode: '0644'

# The rules above drop all that is forwarded but the tunnel's own.
wireguard-forwarding:
  sysctl.present:
    - name: net.ipv4.ip_forward
    - value: 1
    - config: /etc/sysctl.d/60-saltwatch-wireguard.conf
