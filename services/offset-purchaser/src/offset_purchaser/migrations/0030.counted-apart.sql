-- What a day lost on the way, for reports: duplicates and rejected records by register. Not part of any total, and not of
-- the hash over a settlement's lines.

ALTER TABLE readings ADD COLUMN duplicates bigint NOT NULL DEFAULT 0, ADD COLUMN rejected bigint NOT NULL DEFAULT 0;
ALTER TABLE frozen_lines ADD COLUMN duplicates bigint NOT NULL DEFAULT 0, ADD COLUMN rejected bigint NOT NULL DEFAULT 0;
