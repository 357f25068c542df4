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
# bootstrap-salt moves what is in DIRECTORY to where it belongs.
cp "$2/minion.pub" "$uploaded/minion.pub"

# No daemons yet (-X): the highstate configures them first.
sh "$uploaded/bootstrap-salt.sh" -M -L -X -p git "$@"

# The master accepts this key and no other under this id: it came over the SSH connection, so nothing has to
# be trusted at first sight.
install -D -m 0644 "$uploaded/minion.pub" "/etc/salt/pki/master/minions/$minion_id"

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

# What is different where salt-cloud has a master: the files of Salt are where they usually are.
install -d -m 0755 /etc/salt/cloud.conf.d
cat > /etc/salt/cloud.conf.d/master.conf <<'CONF'
# Read after the checkout's own `cloud`.
master_config: /etc/salt/master
root_dir: /
CONF

# Masterless, with the configuration that the operator's machine uses, but as this machine.
cd "$checkout"
salt-call --local --config-dir operator --id "$minion_id" --retcode-passthrough --state-output=changes \
    state.highstate

# The master is there and knows this minion.
salt-call --retcode-passthrough test.ping
rm -rf "$uploaded"
