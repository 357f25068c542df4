# No S3 here.
mimir:
  object_store: filesystem
