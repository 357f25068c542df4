#!/bin/sh
# Managed by Salt: salt://master/files/after_jobs.sh
#
# after-jobs COMMAND...
#
# Runs COMMAND as soon as no minion works for this master: whoever waits for an answer still gets it. A job
# that hangs is not waited for longer than an hour, a master that does not answer not at all.
set -eu
deadline=$(($(date +%s) + 3600))
while [ "$(date +%s)" -lt "$deadline" ] && active=$(salt-run --out=json jobs.active) && [ "$active" != '{}' ]; do
    sleep 2
done
exec "$@"
