"""The page of options is what the driver's tables say."""

import runpy

from rehearsal.settings import CHECKOUT


def test_the_page_of_options_is_up_to_date() -> None:
    """Mutant: an option added to schema.py and not to the page."""
    made = runpy.run_path(str(CHECKOUT / "docs/driver/options.py"))
    assert made["PAGE"].read_text() == made["page"](), "run: python docs/driver/options.py"
