# shellcheck shell=sh
# Inside the image: what AWS runs itself. Which of the two a host runs follows from the files that it is given.
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
chmod 0755 /usr/sbin/policy-rc.d
apt-get update
apt-get install --yes --no-install-recommends mariadb-server nginx-light
apt-get clean
rm /usr/sbin/policy-rc.d

# Nobody logs in, and nothing is asked of a metadata service.
touch /etc/cloud/cloud-init.disabled
systemctl mask ssh.service ssh.socket
rm -f /etc/nginx/sites-enabled/default

mkdir -p /etc/managed /etc/systemd/system/mariadb.service.d /etc/systemd/system/nginx.service.d
chmod 0700 /etc/managed
cat >/etc/systemd/system/mariadb.service.d/managed.conf <<'UNIT'
[Unit]
ConditionPathExists=/etc/managed/account.sql

[Service]
# Root's files, for the server's user; its unit has just made the directory.
ExecStartPre=+/usr/bin/install --owner=mysql --group=mysql --mode=0400 --target-directory=/run/mysqld /etc/managed/account.sql /etc/managed/server.pem
Restart=always
UNIT
cat >/etc/systemd/system/nginx.service.d/managed.conf <<'UNIT'
[Unit]
ConditionPathExists=/etc/managed/nginx.conf

[Service]
ExecStartPre=
ExecStartPre=/usr/sbin/nginx -t -q -c /etc/managed/nginx.conf
ExecStart=
ExecStart=/usr/sbin/nginx -c /etc/managed/nginx.conf
ExecReload=
ExecReload=/usr/sbin/nginx -t -q -c /etc/managed/nginx.conf
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
UNIT
cat >/etc/systemd/system/managed.path <<'UNIT'
[Unit]
Description=Look out for a change of what this host was given

[Path]
PathChanged=/etc/managed/changed

[Install]
WantedBy=multi-user.target
UNIT
cat >/etc/systemd/system/managed.service <<'UNIT'
[Unit]
Description=Give a change to what this host runs

[Service]
Type=oneshot
ExecStart=/usr/local/sbin/managed-change
UNIT
cat >/usr/local/sbin/managed-change <<'SCRIPT'
#!/bin/sh -eu
# Open connections go on, as they do on AWS.
if [ -e /etc/managed/account.sql ]; then
    install --owner=mysql --group=mysql --mode=0400 --target-directory=/run/mysqld \
        /etc/managed/account.sql /etc/managed/server.pem
    mariadb </etc/managed/account.sql
else
    systemctl reload nginx.service
fi
SCRIPT
chmod 0755 /usr/local/sbin/managed-change
systemctl enable managed.path mariadb.service nginx.service
