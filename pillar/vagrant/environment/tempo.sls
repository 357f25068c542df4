# No S3 here.
tempo:
  object_store: filesystem
