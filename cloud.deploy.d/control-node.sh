#!/bin/sh
# Makes a fresh machine the fleet's control node: Salt master, minion of itself, and salt-cloud.
#
# salt-cloud runs it there as root (profile `control`), as it would run bootstrap-salt:
#
#   control-node.sh -c DIRECTORY [more of bootstrap-salt's arguments]
#
# DIRECTORY has the minion's configuration and the key pair that salt-cloud has made for it. What the
# profile's file_map has uploaded is in /var/tmp/saltwatch. It can be run again on a machine where it failed.
set -eu

uploaded=/var/tmp/saltwatch
checkout=/srv/saltwatch

if [ "${1-}" != -c ] || [ ! -f "${2-}/minion.pub" ]; then
    echo "usage: control-node.sh -c DIRECTORY [arguments of bootstrap-salt]; DIRECTORY has minion, minion.pem, minion.pub" >&2
    exit 2
fi
minion_id=$(sed -n 's/^id: *//p' "$2/minion")

# No daemons yet (-X, and for what Debian starts when it is installed policy-rc.d): the highstate configures
# them first, and a minion takes seconds to stop.
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
chmod +x /usr/sbin/policy-rc.d
trap 'rm -f /usr/sbin/policy-rc.d' EXIT
sh "$uploaded/bootstrap-salt.sh" -M -L -X -p git "$@"
rm /usr/sbin/policy-rc.d

# A repository that takes `git push` and then shows what was pushed.
if [ -d "$checkout/.git" ]; then
    git -C "$checkout" fetch --quiet "$uploaded/saltwatch.bundle" HEAD
    git -C "$checkout" reset --quiet --hard FETCH_HEAD
else
    git clone --quiet --origin bundle "$uploaded/saltwatch.bundle" "$checkout"
    git -C "$checkout" remote remove bundle
fi
git -C "$checkout" config receive.denyCurrentBranch updateInstead
tar --extract --no-same-owner --file "$uploaded/local.tar" --directory "$checkout"
sha256sum <"$uploaded/local.tar" >"$checkout/.git/local-files"

# What is different where salt-cloud has a master: the files of Salt are where they usually are.
cat > "$checkout/cloud.conf.d/master.conf" <<'CONF'
# Read after the checkout's own `cloud`.
master_config: /etc/salt/master
root_dir: /
# Not the master's user: the key to the fleet's machines is root's.
user: root
CONF

# Masterless, with the configuration that the operator's machine uses, but as this machine. Its master accepts
# the key that salt-cloud has made for it: it came over SSH, so nothing has to be trusted at first sight.
cd "$checkout"
salt-call --local --config-dir operator --id "$minion_id" --retcode-passthrough --state-output=changes \
    state.highstate

# Both daemons restart after the highstate: a question asked before that would wait for an answer in vain.
tries=0
while [ "$tries" -lt 150 ] && systemctl list-units --full --no-pager --no-legend 'run-*.service' | grep --quiet after-run; do
    tries=$((tries + 1))
    sleep 0.2
done

# The master is there, knows this minion, and gives it the extension modules that it asks for no more.
tries=0
until timeout 20 salt-call --retcode-passthrough --log-level=quiet saltutil.sync_all; do
    tries=$((tries + 1))
    if [ "$tries" -ge 9 ]; then
        echo "control-node.sh: the master does not answer its own minion: see journalctl -u salt-master" >&2
        exit 1
    fi
    sleep 2
done
rm -rf "$uploaded"
