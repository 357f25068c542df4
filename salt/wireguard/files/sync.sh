#!/bin/sh
# Managed by Salt: salt://wireguard/files/sync.sh
#
# wireguard-sync INTERFACE FILE
#
# Gives INTERFACE the settings and peers of FILE, and this host's private key, which is in no other file and
# in no argument. Peers that are as they were keep their sessions.
set -eu
{
    printf '[Interface]\nPrivateKey = '
    cat /etc/wireguard/private.key
    cat "$2"
} | wg syncconf "$1" /dev/stdin
