# Administrators' way in: WireGuard on the control node.
include:
  - wireguard.install
  - wireguard.config
  - wireguard.service
