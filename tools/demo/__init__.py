"""The demonstration campaign, and what it shares with the replay of real files: session, sender, comparison, report."""
