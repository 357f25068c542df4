"""The page for people; everything it does, it does through the API."""

from flask import Blueprint, Response, make_response, render_template

from saltwatch_app.database import DESCRIPTION_LENGTH, TITLE_LENGTH

blueprint = Blueprint("page", __name__)

POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"


@blueprint.get("/")
def index() -> Response:
    """Show the tasks."""
    page = make_response(
        render_template("index.html", title_length=TITLE_LENGTH, description_length=DESCRIPTION_LENGTH)
    )
    page.headers["Content-Security-Policy"] = POLICY
    return page
