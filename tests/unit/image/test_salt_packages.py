"""Salt's packages are laid out as Salt's own packaging files say."""

import pytest

from rehearsal.image import salt_packages

CONTROL = """\
Source: salt
Maintainer: Salt <salt@example.org>

Package: salt-minion-extra
Architecture: amd64 arm64
Description: another

Package: salt-minion
Architecture: amd64 arm64
Depends: dctrl-tools,
         salt-common (= ${source:Version}),
         ${misc:Depends}
Description: client
"""


@pytest.fixture
def package(tmp_path):
    debian = tmp_path / "source/pkg/debian"
    debian.mkdir(parents=True)
    (debian / "control").write_text(CONTROL)
    (debian / "salt-minion.dirs").write_text("/etc/salt/minion.d/\n")
    (debian / "salt-minion.install").write_text(
        "conf/minion /etc/salt\nunit/salt-minion.service /lib/systemd/system\n"
    )
    (debian / "salt-minion.links").write_text(
        "opt/saltstack/salt/salt-minion /usr/bin/salt-minion\n"
        "usr/share/bash-completion/completions/salt-common usr/share/bash-completion/completions/salt\n"
    )
    (debian / "salt-minion.postinst").write_text("#!/bin/sh\nset -e\n#DEBHELPER#\nexit 0\n")
    for name in ("conf/minion", "unit/salt-minion.service"):
        path = tmp_path / "source" / name
        path.parent.mkdir()
        path.write_text("")
    salt_packages.lay_out("salt-minion", "3008.3", tmp_path / "source", tmp_path / "package")
    return tmp_path / "package"


def test_files_directories_and_links(package):
    # Mutants: completions linked too; a link relative to where it lies; `.dirs` not read.
    found = {path.relative_to(package).as_posix() for path in package.rglob("*") if not path.is_dir()}
    assert found - {"DEBIAN/control", "DEBIAN/conffiles", "DEBIAN/postinst", "DEBIAN/prerm"} == {
        "etc/salt/minion",
        "lib/systemd/system/salt-minion.service",
        "usr/bin/salt-minion",
    }
    assert (package / "usr/bin/salt-minion").readlink().as_posix() == "/opt/saltstack/salt/salt-minion"
    assert (package / "etc/salt/minion.d").is_dir()


def test_configuration_written_by_the_bootstrap_script_survives(package):
    # Mutant: no conffiles: dpkg overwrites /etc/salt/minion, and the minion looks for a host named "salt".
    assert (package / "DEBIAN/conffiles").read_text() == "/etc/salt/minion\n"


def test_service_is_started_and_stopped_by_the_scripts(package):
    # Mutants: the marker left as it is; the unit's name not filled in; no execute bit.
    postinst, prerm = package / "DEBIAN/postinst", package / "DEBIAN/prerm"
    assert "deb-systemd-invoke ${2:+re}start salt-minion.service" in postinst.read_text()
    assert "deb-systemd-invoke stop salt-minion.service" in prerm.read_text()
    assert {path.stat().st_mode & 0o777 for path in (postinst, prerm)} == {0o755}


def test_control_file(package):
    # Mutants: the wrong stanza; substitutions left; both architectures named.
    text = (package / "DEBIAN/control").read_text()
    assert text.startswith("Package: salt-minion\n")
    assert "salt-common (= 3008.3)" in text
    assert "python3 (>= 3.13)" in text
    assert "${" not in text
    assert "Architecture: amd64 arm64" not in text
    assert text.endswith("Version: 3008.3\nMaintainer: Salt <salt@example.org>\n")
