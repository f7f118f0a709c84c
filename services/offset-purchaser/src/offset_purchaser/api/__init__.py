"""The HTTP API: the commands' handlers behind keys with roles, idempotent, described by OpenAPI.

``gate`` stands before everything (keys, limits, idempotency, headers), ``routes`` are a few lines each, ``shapes`` are
what they take and give, ``problems`` what they say when they cannot.
"""
