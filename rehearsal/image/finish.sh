# shellcheck shell=sh
# Inside the image, last: lists and caches that every host would otherwise make for itself, and nothing
# that two hosts must not share.
apt-get update
apt-cache gencaches
python3 -m compileall -q /usr/lib/python3/dist-packages/saltwatch_cloudinit
find /etc/ssh -name 'ssh_host_*' -delete
: >/etc/machine-id
rm -f /etc/resolv.conf /etc/hostname /var/lib/systemd/random-seed /var/log/*.log /var/log/apt/*
