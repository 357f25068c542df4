# Load, errors, slow answers and log lines on purpose.
include:
  - stress
