"""Print this minion's low state as JSON, of each state only the arguments that are named.

``/opt/saltstack/salt/bin/python3 lowstate.py NAME...``. Run beside the minion, so that the answer, which may
have secrets among its other arguments, gets into no job cache.
"""

import json
import sys

import salt.client

low = salt.client.Caller().cmd("state.show_lowstate", queue=False)
if not all(isinstance(chunk, dict) for chunk in low):
    raise SystemExit(f"it cannot be compiled: {low}")
json.dump([{key: chunk[key] for key in sys.argv[1:] if key in chunk} for chunk in low], sys.stdout)
