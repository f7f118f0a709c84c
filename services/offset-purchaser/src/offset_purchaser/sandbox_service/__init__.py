"""The sandbox provider's own side: an HTTP service with its own memory. It shares no code path with the purchaser."""
