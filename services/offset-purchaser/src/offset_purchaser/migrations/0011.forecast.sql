-- Orders of a campaign day that have not shipped, as the shop states them: expected deliveries, shown and never bought.
CREATE TABLE expected_deliveries (
    campaign text NOT NULL REFERENCES campaigns,
    day date NOT NULL,
    orders bigint NOT NULL CHECK (orders >= 0),
    stated_at timestamptz NOT NULL,
    stated_by text NOT NULL CHECK (stated_by <> ''),
    PRIMARY KEY (campaign, day)
);
