#!/bin/sh
# Managed by Salt: salt://grafana/files/check.sh
# Start Grafana on trial with a new file, in a scratch directory and on a socket, and see whether it gets ready.
# usage: check-grafana config|datasources|dashboards FILE
set -eu
kind=$1 candidate=$2
seconds=180

scratch=$(mktemp --directory)
server=
# shellcheck disable=SC2317  # called by the trap
finish() {
    status=$?
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || :
        wait "$server" || :
    fi
    rm -rf "$scratch"
    exit "$status"
}
trap finish EXIT

mkdir -p "$scratch/provisioning/datasources" "$scratch/provisioning/dashboards"
cp /etc/grafana/grafana.ini "$scratch/grafana.ini"
if [ "$kind" = config ]; then
    cp "$candidate" "$scratch/grafana.ini"
else
    cp "$candidate" "$scratch/provisioning/$kind/candidate.yaml"
fi
chown -R grafana:grafana "$scratch"

if command -v grafana >/dev/null; then
    set -- grafana server
else
    set -- grafana-server
fi
cd /
setpriv --reuid=grafana --regid=grafana --init-groups "$@" \
    --homepath=/usr/share/grafana --config="$scratch/grafana.ini" --packaging=deb \
    cfg:paths.data="$scratch" cfg:paths.logs="$scratch" cfg:paths.plugins="$scratch" \
    cfg:paths.provisioning="$scratch/provisioning" \
    cfg:server.protocol=socket cfg:server.socket="$scratch/socket" \
    cfg:database.type=sqlite3 cfg:database.path=trial.db cfg:log.mode=console \
    >"$scratch/output" 2>&1 &
server=$!

while [ "$seconds" -gt 0 ]; do
    if curl --silent --fail --output /dev/null --unix-socket "$scratch/socket" http://localhost/api/health; then
        exit 0
    fi
    if ! kill -0 "$server" 2>/dev/null; then
        break
    fi
    sleep 1
    seconds=$((seconds - 1))
done
echo "Grafana does not start with the new file:" >&2
{ grep --ignore-case error "$scratch/output" || cat "$scratch/output"; } | tail -n 5 >&2
exit 1
