wireguard-service:
  service.running:
    - name: wireguard
    - enable: True
    - require:
      - once: wireguard-key
      - file: wireguard-config
      - file: wireguard-rules
      - file: wireguard-sync
      - sysctl: wireguard-forwarding
    - watch:
      - file: wireguard-unit

# Peers that stay keep their sessions; one that is no more in the file is refused from here on.
wireguard-reload:
  module.run:
    - service.reload:
      - name: wireguard
    - require:
      - service: wireguard-service
    - onchanges:
      - file: wireguard-config
      - file: wireguard-rules
