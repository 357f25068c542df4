#!/bin/sh
# Managed by Salt: salt://grafana/files/set_password.sh
# Give the administrator the password of the file, before Grafana starts. It goes by standard input.
set -eu
if command -v grafana >/dev/null; then
    set -- grafana cli
else
    set -- grafana-cli
fi
exec "$@" --homepath /usr/share/grafana --config /etc/grafana/grafana.ini \
    admin reset-admin-password --password-from-stdin </etc/grafana/admin-password
