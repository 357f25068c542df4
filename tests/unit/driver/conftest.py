"""The driver without moto and salt-cloud: a run takes a second, so that mutants can be many."""

import sys
from pathlib import Path

import salt._logging

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "salt/_clouds"))

# Salt keeps what it logs before its logging is set up, and prints it at the end.
salt._logging.shutdown_temp_handler()
