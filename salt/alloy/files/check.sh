#!/bin/sh
# Managed by Salt: salt://alloy/files/check.sh
# Start Alloy on trial with a new configuration: `alloy validate` does not look at values such as durations.
# It has a scratch directory and a network of its own, so that nothing is sent and no port is taken twice.
# usage: check-alloy FILE
set -eu
# It wants credentials as soon as it starts; the real ones come from a service that the trial cannot reach.
export AWS_ACCESS_KEY_ID=trial AWS_SECRET_ACCESS_KEY=trial
alloy validate "$1"
scratch=$(mktemp --directory)
status=0
# shellcheck disable=SC2016
unshare --net sh -eu -c '
    ip link set lo up
    alloy run --disable-reporting --storage.path="$1" --server.http.listen-addr=127.0.0.1:12345 "$2" \
        >"$1/output" 2>&1 &
    server=$!
    ready=1
    for _ in $(seq 60); do
        if curl --silent --fail --output /dev/null http://127.0.0.1:12345/-/ready; then
            ready=0
            break
        fi
        kill -0 "$server" 2>/dev/null || break
        sleep 1
    done
    # Asked to end, it would wait until Loki has taken what it read.
    kill -KILL "$server" 2>/dev/null || :
    wait "$server" || :
    exit "$ready"
' check "$scratch" "$1" || status=$?
if [ "$status" -ne 0 ]; then
    echo "Alloy does not start with the new file:" >&2
    grep --extended-regexp --ignore-case "level=error|^Error|err=" "$scratch/output" | tail -n 5 >&2
fi
rm -rf "$scratch"
exit "$status"
