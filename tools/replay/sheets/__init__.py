"""Sheets: CSV and Excel rows through a mapping file to events."""
