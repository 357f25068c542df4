"""A task list, observable to the bone: the application that the Saltwatch fleet runs."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask


def create_app() -> "Flask":
    """Make the application from the environment's settings, for ``flask --app saltwatch_app``."""
    # Not at the top: `python -m saltwatch_app.migrate` would find its own module imported already.
    from saltwatch_app import factory

    return factory.create_app()
