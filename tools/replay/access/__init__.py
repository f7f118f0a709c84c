"""Access logs: four formats in, one kind of request between, site-traffic events out."""
