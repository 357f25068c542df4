#!/bin/sh
# Managed by Salt: salt://minion/files/restart_outdated.sh
#
# restart-outdated UNIT FILE...
#
# Restarts UNIT if it runs and any FILE is newer than its start: not where the run that changed the files has
# started it as well.
set -eu
unit=$1
shift
systemctl --quiet is-active "$unit" || exit 0
started=$(date --date "$(systemctl show --property ActiveEnterTimestamp --value "$unit")" +%s)
for file; do
    if [ "$(stat --format %Y "$file")" -gt "$started" ]; then
        exec systemctl restart "$unit"
    fi
done
