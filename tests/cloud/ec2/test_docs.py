"""The generated pages are what the driver's tables say, and the tables forget nothing of the old driver."""

import inspect
import re
import runpy
from pathlib import Path

import pytest
import salt.cloud
import salt.config
import salt.utils.cloud
from _ec2 import parity, schema
from _ec2.options import problems
from salt.exceptions import SaltCloudConfigError, SaltCloudSystemExit

from rehearsal.settings import CHECKOUT

PAGES = runpy.run_path(str(CHECKOUT / "docs/driver/pages.py"))
OLD = PAGES["old"]()
TABLES = {"top": schema.ALL, **PAGES["nested"]()}
OPTIONS = [(where, key) for where, keys in OLD["options"].items() for key in keys]
COMMANDS = [*OLD["functions"], *OLD["actions"]]
DRIVER = Path(schema.__file__).parent


@pytest.mark.parametrize("page", PAGES["PAGES"], ids=lambda page: page.name)
def test_the_page_is_up_to_date(page):
    """Mutant: an option, or a verdict, changed in a table and not on the page."""
    assert page.read_text() == PAGES["PAGES"][page](), "run: python docs/driver/pages.py"


@pytest.mark.parametrize(("where", "key"), OPTIONS)
def test_options_of_the_old_driver(where, key):
    """Each has a verdict that is so: it is read somewhere, or refused with the reason.

    Mutants: an option left out of its table; one in the table only, read by nothing; one called new; a
    refused one accepted.
    """
    option = TABLES[where][key]
    assert option.parity in ("same", "better", "ignored", "refused")
    assert option.why or option.parity == "same"
    if option.parity == "refused":
        assert problems({key: "x"}, TABLES[where]) == [f"{key}: {option.why}"]
    elif option.parity != "ignored":
        sources = [path for path in DRIVER.glob("*.py") if not path.name.startswith("schema")]
        read_by = [path.read_text() for path in sources]
        read_by += [inspect.getsource(module) for module in (salt.utils.cloud, salt.cloud, salt.config)]
        name = re.compile(rf"""["']{key}["']|["']{key.casefold()}["']""")
        assert any(name.search(text) for text in read_by)


@pytest.mark.parametrize("table", TABLES)
def test_what_is_new_was_not_there(table):
    """Mutant: an option of the old driver's called new, or a new one called the same."""
    ours = {key for key, option in TABLES[table].items() if option.parity == "new"}
    assert not ours & set(OLD["options"][table])


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_of_the_old_driver(salt_cloud, name):
    """Each is there for salt-cloud to call, or says why not. Mutants: one left out; a refused one working."""
    function = salt_cloud().mapper().clouds[f"ec2.{name}"]
    verdict = parity.FUNCTIONS[name]
    assert verdict.parity in ("same", "better", "refused")
    assert verdict.why or verdict.parity == "same"
    if verdict.parity == "refused":
        with pytest.raises(SaltCloudSystemExit, match=verdict.why):
            function(call="function")
    else:
        assert "Refused" not in (function.__doc__ or "")


def test_every_verdict_is_of_an_old_command():
    """Mutant: a verdict of a name that the old driver did not have, which its page would not show."""
    assert set(parity.FUNCTIONS) == set(COMMANDS)


def test_a_gateways_password_alone_is_refused(salt_cloud, tmp_path):
    """Beside a key it is ignored, as before: the key wins. Mutants: refused always; accepted alone."""
    gateway = {"ssh_gateway": "gate.example.com", "ssh_gateway_password": "open"}
    with pytest.raises(SaltCloudConfigError, match=r"ssh_gateway_password: .*ssh_gateway_private_key"):
        salt_cloud(**gateway).create()
    answer = salt_cloud(**gateway, ssh_gateway_private_key=str(tmp_path / "fleet.pem")).create()
    assert answer["deployed"] is True
