#!/bin/bash
# Managed by Salt: salt://app/files/install.sh
#
# install-app VERSION
#
# Makes /opt/app/releases/VERSION of the wheels in /opt/app/wheels/VERSION, every one checked against its hash.
# Of the others, the newest and the one in use are kept to go back to.
set -euo pipefail
version=$1
release=/opt/app/releases/$version
wheels=/opt/app/wheels/$version
mkdir -p /opt/app/releases
python3 -m venv --clear "$release"
"$release/bin/pip" --quiet --disable-pip-version-check install --no-index --find-links "$wheels" --require-hashes \
    --requirement "$wheels/requirements.txt"
"$release/bin/python" -c 'import saltwatch_app.wsgi'
# Where nginx finds what it serves itself, whatever this version's Python.
ln --symbolic "$release"/lib/python3*/site-packages/saltwatch_app/static "$release/static"
touch "$release/complete"

current=$(basename "$(readlink /opt/app/current || echo none)")
newest=
for path in /opt/app/releases/*; do
    if [ "${path##*/}" != "$version" ] && { [ -z "$newest" ] || [ "$path" -nt "/opt/app/releases/$newest" ]; }; then
        newest=${path##*/}
    fi
done
for path in /opt/app/releases/*; do
    name=${path##*/}
    case $name in
        "$version" | "$current" | "$newest") ;;
        *) rm -rf "$path" "/opt/app/wheels/$name" ;;
    esac
done
