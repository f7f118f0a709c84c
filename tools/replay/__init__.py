"""Brings real files and foreign topics in: access logs, shipment exports, mailing and media sheets, JSON topics."""
