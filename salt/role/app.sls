# The application behind nginx.
include:
  - nginx
  - app
