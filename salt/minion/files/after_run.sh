#!/bin/sh
# Managed by Salt: salt://minion/files/after_run.sh
#
# after-run DIRECTORY COMMAND...
#
# Runs COMMAND as soon as no Salt job runs on this minion: DIRECTORY is where Salt keeps a file for each, the
# one that started this included. A job that hangs is not waited for longer than an hour.
set -eu
directory=$1
shift
deadline=$(($(date +%s) + 3600))
while [ -n "$(ls -A "$directory")" ] && [ "$(date +%s)" -lt "$deadline" ]; do
    sleep 1
done
exec "$@"
