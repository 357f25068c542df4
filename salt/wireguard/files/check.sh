#!/bin/sh
# Managed by Salt: salt://wireguard/files/check.sh
#
# wireguard-check kernel|userspace FILE
#
# Lets an interface that is never up take FILE; fails as that does, and says why.
set -eu
if [ "$1" = userspace ]; then
    /usr/bin/wireguard-go wgcheck >/dev/null
else
    ip link add wgcheck type wireguard
fi
trap 'ip link delete wgcheck' EXIT
# The port is in use.
sed 's/^ListenPort = .*/ListenPort = 0/' "$2" | wg setconf wgcheck /dev/stdin
