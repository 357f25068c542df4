# shellcheck shell=sh
# Inside a build chroot: Salt from the pinned packages as a virtual environment at /opt/saltstack/salt.
# /build has build.txt (what Salt's own build needs) and requirements.txt (all), with their hashes.
apt-get update
apt-get install --yes gcc libc6-dev python3-dev python3-venv cython3
python3 -m venv /opt/saltstack/salt
cd /opt/saltstack/salt || exit
# No build isolation: it would fetch build requirements that nothing pins. timelib wants Cython besides, and
# is shown nothing else of Debian's Python packages.
mkdir /tmp/cython
ln --symbolic /usr/lib/python3/dist-packages/Cython /usr/lib/python3/dist-packages/cython.py /tmp/cython/
export PYTHONPATH=/tmp/cython
for list in build requirements; do
  bin/pip install --require-hashes --no-deps --no-build-isolation --requirement "/build/$list.txt"
done
unset PYTHONPATH
bin/pip check
# The source distribution again (from pip's cache): Salt's own packaging files are in it.
bin/pip download --require-hashes --no-deps --no-build-isolation --no-binary salt \
  --requirement /build/salt.txt --dest /build/source
tar --extract --file /build/source/salt-*.tar.gz --directory /build/source --strip-components 1

# Certificates as in Debian's own Python packages: the system's, which an administrator can extend.
site=$(bin/python3 -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
for bundle in certifi botocore pip/_vendor/certifi; do
  test -f "$site/$bundle/cacert.pem"
  ln --symbolic --force /etc/ssl/certs/ca-certificates.crt "$site/$bundle/cacert.pem"
done
cp /build/onedir.pth "$site/"
for program in bin/salt* bin/spm; do ln --symbolic "$program" .; done
# Test suites of dependencies: thousands of files that every host would unpack.
rm -r "$site/libcloud/test"
