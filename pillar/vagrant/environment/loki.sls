# No S3 here.
loki:
  object_store: filesystem
