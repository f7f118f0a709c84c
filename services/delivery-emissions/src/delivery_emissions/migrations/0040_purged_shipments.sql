-- depends: 0101_shipments

CREATE TABLE purged_shipments (
    identity uuid PRIMARY KEY,
    purged_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE purged_shipments IS 'First 128 bits of BLAKE2b of the ids of anonymised shipments; a later event of one books nothing';

ALTER TABLE shipments ADD COLUMN purged_at timestamptz;

CREATE INDEX shipments_not_purged ON shipments (updated_at) WHERE purged_at IS NULL;
