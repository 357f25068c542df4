# The control node.
include:
  - master
