"""What gunicorn serves."""

from saltwatch_app import create_app

app = create_app()
