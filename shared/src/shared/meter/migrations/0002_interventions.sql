-- depends: 0001_meter

CREATE TABLE interventions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    who text NOT NULL,
    command text NOT NULL,
    reason text NOT NULL CHECK (reason <> ''),
    detail jsonb NOT NULL DEFAULT '{}'
);

COMMENT ON TABLE interventions IS 'What people did to this meter by command: who, when, why; never deleted';

CREATE TABLE replayed (
    source text PRIMARY KEY,
    topic text NOT NULL,
    partition integer NOT NULL,
    record_offset bigint NOT NULL,
    counted_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE replayed IS 'Positions (topic/epoch/partition/offset) of dead letters counted by a replay: each once, for ever';

CREATE TABLE accepted_letters (
    source text PRIMARY KEY,
    intervention bigint NOT NULL REFERENCES interventions
);

COMMENT ON TABLE accepted_letters IS 'Dead letters that will not be counted, by decision of a person';

CREATE TABLE restatements (
    channel text NOT NULL,
    day date NOT NULL,
    revision integer NOT NULL,
    factor_set text NOT NULL,
    intervention bigint NOT NULL REFERENCES interventions,
    PRIMARY KEY (channel, day, revision)
);

COMMENT ON TABLE restatements IS 'UTC days estimated again with another factor set; registers made later follow the newest';
