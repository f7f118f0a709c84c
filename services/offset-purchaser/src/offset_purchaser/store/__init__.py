"""All SQL of the purchaser, by subject. Nothing here decides; pure modules do."""
