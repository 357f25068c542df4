"""The Debian layer's own inputs."""

from rehearsal.image import base
from rehearsal.image.machine import Mirrors


def test_sources_name_the_mirror_updates_and_security():
    # Mutants: security updates forgotten; the suite of the machine instead of the image's.
    text = base.sources(Mirrors("http://m.example/debian", "http://m.example/security"))
    assert "URIs: http://m.example/debian\nSuites: trixie trixie-updates\n" in text
    assert "URIs: http://m.example/security\nSuites: trixie-security\n" in text
    assert text.count("Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg") == 2


def test_machine_without_security_mirror_gets_none():
    # Mutant: Debian's own address put in, which the machine may not reach.
    assert "security" not in base.sources(Mirrors("http://m.example/debian", None))


def test_package_list_has_what_bootstrap_would_install(tmp_path):
    # Mutant: pciutils taken out: every host would download it.
    assert {"procps", "pciutils", "sudo", "python3-yaml", "wget", "gnupg", "ca-certificates"} <= set(
        base.packages()
    )
    (tmp_path / "packages.txt").write_text("# why\n\nsudo\n")
    assert base.packages(tmp_path) == ["sudo"]
