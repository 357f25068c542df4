"""What the image takes over from the machine: every way in which apt's sources can name a Debian mirror."""

from rehearsal.image import machine
from rehearsal.image.machine import Mirrors, Source


def write(apt, **files):
    (apt / "sources.list.d").mkdir(parents=True, exist_ok=True)
    for key, text in files.items():
        name, _, kind = key.rpartition("_")
        path = apt / "sources.list" if name == "main" else apt / "sources.list.d" / f"{name}.{kind}"
        path.write_text(text)
    return machine.mirrors(apt)


def test_one_line_style(tmp_path):
    # Mutants: options taken for the address; `deb-src` read as `deb`; the component not looked at.
    found = write(
        tmp_path,
        main_list="# deb http://old.example/debian bookworm main\n"
        "deb-src http://source.example/debian bookworm main\n"
        "deb http://contrib.example/debian bookworm contrib\n"
        "deb [ arch=amd64 ] http://mirror.example/debian/ bookworm main contrib # ours\n"
        "deb http://mirror.example/debian-security bookworm-security main\n",
    )
    assert found == Mirrors("http://mirror.example/debian", "http://mirror.example/debian-security")


def test_deb822_style_with_comments_several_addresses_and_disabled_stanzas(tmp_path):
    # Mutants: `Enabled: no` ignored; a comment ends the stanza; folded lines dropped.
    found = write(
        tmp_path,
        debian_sources="Types: deb\nURIs: http://off.example/debian\nSuites: trixie\n"
        "Components: main\nEnabled: no\n\n"
        "Types: deb deb-src\nURIs:\n# the nearest\n http://one.example/debian\n http://two.example/debian\n"
        "Suites: trixie trixie-updates\nComponents: main\n"
        "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n",
    )
    assert found == Mirrors("http://one.example/debian", None)


def test_other_vendors_who_use_debian_names_are_not_mirrors_of_debian(tmp_path):
    # Mutant: signed_by not looked at: a vendor's repository becomes the mirror.
    found = write(
        tmp_path,
        a_vendor_list="deb [signed-by=/etc/apt/keyrings/v.gpg] https://vendor.example bookworm main\n",
        debian_list="deb http://mirror.example/debian bookworm main\n",
    )
    assert found.archive == "http://mirror.example/debian"


def test_ubuntu_has_no_debian_mirror(tmp_path):
    # Mutant: any suite will do: the image would be installed from Ubuntu.
    found = write(
        tmp_path, ubuntu_sources="Types: deb\nURIs: http://ubuntu.example/\nSuites: noble\nComponents: main\n"
    )
    assert found == Mirrors()


def test_mirror_lists_of_cloud_images(tmp_path):
    # Mutant: `mirror+file:` passed on, a file that the image does not have.
    mirrors = tmp_path / "debian.list"
    mirrors.write_text(
        "# chosen at boot\nhttps://near.example/debian\tpriority:1\nhttps://far.example/debian\n"
    )
    found = write(tmp_path, debian_list=f"deb mirror+file:{mirrors} trixie main\n")
    assert found.archive == "https://near.example/debian"


def test_one_line_options_are_kept():
    # Mutant: `signed-by` lost.
    line = "deb [arch=amd64 signed-by=/k.gpg] http://a.example/debian trixie main"
    assert list(machine.one_line(line)) == [
        Source("http://a.example/debian", ("trixie",), ("main",), "/k.gpg")
    ]


def test_build_commands_get_proxies_and_certificates_but_no_credentials():
    # Mutant: the whole environment passed on.
    environ = {
        "https_proxy": "http://proxy.example:3128",
        "NO_PROXY": "localhost",
        "PIP_INDEX_URL": "https://mirror.example/simple",
        "SSL_CERT_FILE": "/ca.pem",
        "AWS_SECRET_ACCESS_KEY": "s",
        "HOME": "/root",
    }
    assert machine.environment(environ).keys() == environ.keys() - {"AWS_SECRET_ACCESS_KEY", "HOME"}
