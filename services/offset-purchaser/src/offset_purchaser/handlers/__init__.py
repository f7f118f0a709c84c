"""What happens between the pure decisions and the store, one file per step of the flow."""
