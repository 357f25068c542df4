"""The page for people; everything it does, it does through the API."""

from flask import Blueprint, Response, make_response, render_template

from saltwatch_app.database import DESCRIPTION_LENGTH, TITLE_LENGTH
from saltwatch_app.health import PAGE_AGE, READY_TIMEOUT, current_health

blueprint = Blueprint("page", __name__)

POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"


# What people read, by dependency and whether it works.
CONDITIONS = {
    "database": ("Tasks can be read and changed.", "Tasks cannot be read or changed until it answers."),
    "queue": ("Messages can be sent and received.", "Messages cannot be sent or received until it answers."),
    "table": ("Data can be saved and read.", "Data cannot be saved or read until it answers."),
    "collector": ("Traces are kept.", "Traces of this time are lost; nothing else is."),
}


@blueprint.get("/")
def index() -> Response:
    """Show the tasks, and how what the application depends on is doing."""
    checks = current_health().results(READY_TIMEOUT, PAGE_AGE)
    page = make_response(
        render_template(
            "index.html",
            title_length=TITLE_LENGTH,
            description_length=DESCRIPTION_LENGTH,
            checks=checks,
            conditions=CONDITIONS,
        )
    )
    page.headers["Content-Security-Policy"] = POLICY
    page.headers["Cache-Control"] = "no-store"
    return page
