"""What goes into Salt's packages is the closure of a few roots within requirements.txt, with all hashes."""

import re

import pytest

from rehearsal.image import salt_packages
from rehearsal.image.requirements import closure
from rehearsal.settings import CHECKOUT

PINS = """\
# made by uv
app==1 \\
    --hash=sha256:aa
    # via -r requirements.in
dep==2 ; python_version < '4' \\
    --hash=sha256:bb \\
    --hash=sha256:cc
    # via app
deep.er==3 \\
    --hash=sha256:dd
    # via
    #   -r requirements.in
    #   dep
    #   other
other==4 \\
    --hash=sha256:ee
    # via -r requirements.in
"""


def test_closure_follows_dependencies_and_keeps_markers_and_hashes():
    # Mutants: one step only (deep.er is missing); every pin taken (other is there); comments kept.
    assert closure(PINS, ["app"]) == (
        "app==1 \\\n    --hash=sha256:aa\n"
        "deep.er==3 \\\n    --hash=sha256:dd\n"
        "dep==2 ; python_version < '4' \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc\n"
    )


def test_root_without_pin_is_refused():
    # Mutant: missing roots ignored, and the packages built without them.
    with pytest.raises(ValueError, match="pin for each of absent"):
        closure(PINS, ["app", "absent"])


def test_salt_of_the_hosts_is_the_one_of_the_operator():
    """The packages have what requirements.txt pins and none of the tools for tests."""
    # Mutants: "boto3" taken out of the contents; "pytest" added to them.
    text = closure((CHECKOUT / "requirements.txt").read_text(), salt_packages._CONTENTS)
    names = set(re.findall(r"^([\w.-]+)==", text, re.MULTILINE))
    assert {"salt", "boto3", "saltext-boto3", "pymysql", "timelib", "pyzmq"} <= names
    assert not {"moto", "pytest", "ruff"} & names
    assert text.count("==") <= text.count("--hash=")
