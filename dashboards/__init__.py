"""The dashboards, as Python: ``python -m dashboards`` writes the JSON that salt/grafana deploys.

Each module has a function ``build``; `dashboards.frame` and `dashboards.parts` have what they share.
Queries name jobs and labels of the service catalogue, which tests/unit/states/test_dashboards.py compares.
"""
