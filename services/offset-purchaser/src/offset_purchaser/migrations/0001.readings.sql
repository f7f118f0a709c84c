-- What the meters say, kept with the position in meter-readings it came from.

CREATE TABLE positions (
    topic text NOT NULL,
    partition int NOT NULL,
    next_offset bigint NOT NULL CHECK (next_offset >= 0),
    PRIMARY KEY (topic, partition)
);

CREATE TABLE readings (
    register text PRIMARY KEY,
    topic text NOT NULL,
    partition int NOT NULL,
    log_epoch int NOT NULL,
    quarter timestamptz NOT NULL,
    channel text NOT NULL,
    shop text NOT NULL,
    country text NOT NULL,
    payer text NOT NULL,
    detail text NOT NULL,
    unprovable boolean NOT NULL,
    bot boolean NOT NULL,
    events bigint NOT NULL,
    late bigint NOT NULL,
    activity jsonb NOT NULL,
    method text NOT NULL,
    method_version text NOT NULL,
    factor_set text NOT NULL,
    factor_set_sha256 text NOT NULL,
    factor_group text NOT NULL,
    ghg_scope int NOT NULL,
    ghg_category text NOT NULL,
    data_quality int NOT NULL,
    estimated boolean NOT NULL,
    low_ug bigint NOT NULL,
    central_ug bigint NOT NULL,
    high_ug bigint NOT NULL,
    revision int NOT NULL,
    through_offset bigint NOT NULL
);

CREATE INDEX readings_by_quarter ON readings (quarter, channel, shop);

-- Sum of events over the readings of one source partition and log epoch; moves with every reading stored.
CREATE TABLE source_sums (
    topic text NOT NULL,
    partition int NOT NULL,
    log_epoch int NOT NULL,
    events bigint NOT NULL,
    PRIMARY KEY (topic, partition, log_epoch)
);

CREATE TABLE progress (
    topic text NOT NULL,
    partition int NOT NULL,
    log_epoch int NOT NULL,
    channel text NOT NULL,
    through_offset bigint NOT NULL,
    as_of timestamptz NOT NULL,
    partitions int NOT NULL,
    first_offset bigint NOT NULL,
    next_offset bigint NOT NULL,
    counted bigint NOT NULL,
    duplicate bigint NOT NULL,
    rejected bigint NOT NULL,
    skipped bigint NOT NULL,
    lost bigint NOT NULL,
    duplicate_unprovable bigint NOT NULL,
    PRIMARY KEY (topic, partition, log_epoch)
);
