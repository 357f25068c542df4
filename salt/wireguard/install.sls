{%- from 'wireguard/map.jinja' import wireguard %}
wireguard-packages:
  pkg.installed:
    - pkgs:
      - iproute2
      - nftables
      - wireguard-tools
      {%- if wireguard.implementation == 'userspace' %}
      - wireguard-go
      {%- endif %}
    - install_recommends: False

wireguard-directory:
  file.directory:
    - name: /etc/wireguard
    - user: root
    - group: root
    - mode: '0700'
    - require:
      - pkg: wireguard-packages

# Made here, once; the private half leaves its file for the memory of what runs the tunnel only. The public one
# is for administrators: `salt-call wireguard.client NAME ADDRESS`.
wireguard-key:
  once.run:
    - name: >-
        umask 077 && wg genkey > private.key.new && wg pubkey < private.key.new > public.key &&
        mv private.key.new private.key
    - cwd: /etc/wireguard
    - makes: /etc/wireguard/private.key
    - require:
      - file: wireguard-directory
