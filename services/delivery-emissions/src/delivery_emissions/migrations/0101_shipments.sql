-- depends:

CREATE TABLE shipment_event_ids (
    identity uuid PRIMARY KEY
);

COMMENT ON TABLE shipment_event_ids IS 'First 128 bits of BLAKE2b of every event id ever counted; kept for ever';

CREATE TABLE shipments (
    shipment_id text PRIMARY KEY,
    status text NOT NULL DEFAULT '',
    status_revision bigint NOT NULL DEFAULT -1,
    status_occurred_at timestamptz NOT NULL DEFAULT '0001-01-02 00:00:00+00',
    status_event_id text NOT NULL DEFAULT '',
    revision bigint NOT NULL DEFAULT -1,
    occurred_at timestamptz NOT NULL DEFAULT '0001-01-02 00:00:00+00',
    event_id text NOT NULL DEFAULT '',
    quarter timestamptz NOT NULL DEFAULT 'epoch',
    shop text NOT NULL DEFAULT '',
    country text NOT NULL DEFAULT '',
    payer text NOT NULL DEFAULT '',
    detail text NOT NULL DEFAULT '',
    activity bigint[] NOT NULL DEFAULT '{}',
    explanation jsonb NOT NULL DEFAULT '{}',
    topic text NOT NULL DEFAULT '',
    partition integer NOT NULL DEFAULT -1,
    record_offset bigint NOT NULL DEFAULT -1,
    updated_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE shipments IS 'Newest state of each shipment: what it is booked as, and why; status moves on its own';
