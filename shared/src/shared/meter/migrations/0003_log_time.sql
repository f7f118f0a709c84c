-- depends: 0002_interventions

ALTER TABLE progress ADD COLUMN began_log_time_ms bigint NOT NULL DEFAULT 0;

COMMENT ON COLUMN progress.began_log_time_ms IS
    'Highest log time when this log epoch was opened, 0 without a past: an audit begins with the same duplicate window';
