include:
  - app.install
  - app.config
  - app.service
