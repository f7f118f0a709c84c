-- depends:

CREATE FUNCTION add_activity(a bigint[], b bigint[]) RETURNS bigint[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (SELECT coalesce(array_agg(coalesce(x, 0) + coalesce(y, 0) ORDER BY i), '{}')
            FROM unnest(a, b) WITH ORDINALITY AS t (x, y, i));

CREATE TABLE progress (
    topic text NOT NULL,
    partition integer NOT NULL,
    log_epoch integer NOT NULL,
    first_offset bigint NOT NULL,
    next_offset bigint NOT NULL,
    counted bigint NOT NULL DEFAULT 0,
    duplicate bigint NOT NULL DEFAULT 0,
    rejected bigint NOT NULL DEFAULT 0,
    skipped bigint NOT NULL DEFAULT 0,
    lost bigint NOT NULL DEFAULT 0,
    late bigint NOT NULL DEFAULT 0,
    late_unprovable bigint NOT NULL DEFAULT 0,
    duplicate_unprovable bigint NOT NULL DEFAULT 0,
    log_time_max_ms bigint NOT NULL,
    anchor_offset bigint,
    anchor_time_ms bigint,
    anchor_sha256 bytea,
    as_of timestamptz NOT NULL,
    partitions integer NOT NULL,
    stopped text NOT NULL DEFAULT '',
    reason text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition, log_epoch),
    CONSTRAINT every_offset_is_accounted_for
        CHECK (next_offset - first_offset = counted + duplicate + rejected + skipped + lost)
);

COMMENT ON TABLE progress IS 'One row per source partition and log epoch; next_offset is the fence of every flush';

CREATE TABLE registers (
    topic text NOT NULL,
    partition integer NOT NULL,
    log_epoch integer NOT NULL,
    quarter timestamptz NOT NULL,
    channel text NOT NULL,
    shop text NOT NULL,
    country text NOT NULL,
    payer text NOT NULL,
    detail text NOT NULL,
    events bigint NOT NULL DEFAULT 0,
    late bigint NOT NULL DEFAULT 0,
    duplicates bigint NOT NULL DEFAULT 0,
    rejected bigint NOT NULL DEFAULT 0,
    activity bigint[] NOT NULL DEFAULT '{}',
    through_offset bigint NOT NULL,
    revision integer NOT NULL DEFAULT 0,
    factor_set text NOT NULL DEFAULT '',
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition, log_epoch, quarter, channel, shop, country, payer, detail)
);

COMMENT ON TABLE registers IS 'Running totals; events counts accepted events, activity follows the measures of the channel';

CREATE INDEX registers_by_quarter ON registers (channel, quarter);
