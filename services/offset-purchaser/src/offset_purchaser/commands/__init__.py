"""The subcommands, one file per noun."""
