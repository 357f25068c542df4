# Notifications.
include:
  - alertmanager
