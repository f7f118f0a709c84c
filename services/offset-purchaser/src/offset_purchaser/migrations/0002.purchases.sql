-- Campaigns, what each day owes, and what was ordered for it.

-- One instance acts. Writes are conditional on the epoch, which moves only when another instance takes over.
CREATE TABLE leadership (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    epoch bigint NOT NULL,
    holder text NOT NULL
);
CREATE TABLE lease (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    expires_at timestamptz NOT NULL
);
INSERT INTO leadership (epoch, holder) VALUES (0, '');
INSERT INTO lease (expires_at) VALUES ('-infinity');

CREATE TABLE campaign_versions (
    campaign text NOT NULL,
    version int NOT NULL,
    loaded_at timestamptz NOT NULL,
    content jsonb NOT NULL,
    sha256 text NOT NULL,
    PRIMARY KEY (campaign, version)
);

CREATE TABLE campaigns (
    campaign text PRIMARY KEY,
    version int NOT NULL,
    stopped boolean NOT NULL DEFAULT false,
    refusal text NOT NULL DEFAULT '',
    FOREIGN KEY (campaign, version) REFERENCES campaign_versions
);

CREATE TABLE settlements (
    campaign text NOT NULL REFERENCES campaigns,
    day date NOT NULL,
    number int NOT NULL CHECK (number >= 1),
    due_at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN
        ('waiting', 'held', 'frozen', 'ordered', 'settled', 'documented', 'complete')),
    reasons jsonb NOT NULL DEFAULT '[]',
    released jsonb,
    PRIMARY KEY (campaign, day, number)
);
CREATE INDEX settlements_open ON settlements (campaign, due_at) WHERE state IN ('waiting', 'held');

-- What a settlement froze. Written once, never changed.
CREATE TABLE frozen_settlements (
    campaign text NOT NULL,
    day date NOT NULL,
    number int NOT NULL,
    campaign_version int NOT NULL,
    mode text NOT NULL CHECK (mode IN ('live', 'rehearsal')),
    legal_entity text NOT NULL,
    frozen_at timestamptz NOT NULL,
    day_start timestamptz NOT NULL,
    day_end timestamptz NOT NULL,
    sources jsonb NOT NULL,
    gaps jsonb NOT NULL,
    result jsonb NOT NULL,
    lines int NOT NULL,
    lines_sha256 text NOT NULL,
    owed_g bigint NOT NULL CHECK (owed_g >= 0),
    paid_by_others_g bigint NOT NULL CHECK (paid_by_others_g >= 0),
    waived_g bigint NOT NULL CHECK (waived_g >= 0),
    committed_g bigint NOT NULL,
    need_g bigint NOT NULL,
    CHECK (need_g = owed_g - paid_by_others_g - waived_g - committed_g),
    PRIMARY KEY (campaign, day, number),
    FOREIGN KEY (campaign, day, number) REFERENCES settlements
);

-- The registers as they stood when the settlement froze.
CREATE TABLE frozen_lines (
    campaign text NOT NULL,
    day date NOT NULL,
    number int NOT NULL,
    LIKE readings
);
-- No unique key: registers are unique where the lines come from, and 10^5 lines are written at once.
CREATE INDEX frozen_lines_by_settlement ON frozen_lines (campaign, day, number);

-- One leg's share of one settlement, and the day under which it is bought (the campaign's last for per_campaign).
CREATE TABLE settlement_legs (
    campaign text NOT NULL,
    day date NOT NULL,
    number int NOT NULL,
    leg text NOT NULL,
    provider text NOT NULL,
    need_g bigint NOT NULL,
    buy_day date NOT NULL,
    PRIMARY KEY (campaign, day, number, leg),
    FOREIGN KEY (campaign, day, number) REFERENCES frozen_settlements
);
CREATE INDEX settlement_legs_by_purchase ON settlement_legs (campaign, buy_day, number, leg);

-- One purchase of one leg: everything that was owed under one buying day, and what became of it.
CREATE TABLE purchases (
    campaign text NOT NULL,
    buy_day date NOT NULL,
    number int NOT NULL,
    leg text NOT NULL,
    provider text NOT NULL,
    legal_entity text NOT NULL,
    planned_at timestamptz NOT NULL,
    need_g bigint NOT NULL,
    surplus_used_g bigint NOT NULL CHECK (surplus_used_g >= 0),
    surplus_added_g bigint NOT NULL CHECK (surplus_added_g >= 0),
    carry_drawn_g bigint NOT NULL CHECK (carry_drawn_g >= 0),
    carry_added_g bigint NOT NULL CHECK (carry_added_g >= 0),
    ordered_g bigint NOT NULL CHECK (ordered_g >= 0),
    CHECK (ordered_g = need_g - surplus_used_g + surplus_added_g + carry_drawn_g - carry_added_g),
    PRIMARY KEY (campaign, buy_day, number, leg)
);

CREATE TABLE orders (
    order_id uuid PRIMARY KEY,
    mode text NOT NULL CHECK (mode IN ('live', 'rehearsal')),
    legal_entity text NOT NULL,
    campaign text NOT NULL,
    buy_day date NOT NULL,
    number int NOT NULL,
    leg text NOT NULL,
    attempt int NOT NULL CHECK (attempt >= 1),
    provider text NOT NULL,
    state text NOT NULL CHECK (state IN
        ('planned', 'held', 'ready', 'sending', 'unknown', 'placed', 'confirmed', 'rejected', 'cancelled')),
    reason text NOT NULL DEFAULT '',
    quantity_g bigint NOT NULL CHECK (quantity_g > 0),
    price_per_tonne numeric NOT NULL CHECK (price_per_tonne >= 0),
    currency text NOT NULL,
    amount numeric NOT NULL CHECK (amount >= 0),
    request bytea,
    first_sent_at timestamptz,
    next_try_at timestamptz NOT NULL,
    reference text,
    confirmed_g bigint,
    provider_state text NOT NULL DEFAULT '',
    details jsonb NOT NULL DEFAULT '{}',
    certified boolean NOT NULL DEFAULT false,
    find_only boolean NOT NULL DEFAULT false,
    reminders int NOT NULL DEFAULT 0,
    approvals jsonb NOT NULL DEFAULT '[]',
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    UNIQUE (campaign, buy_day, number, leg, attempt),
    FOREIGN KEY (campaign, buy_day, number, leg) REFERENCES purchases
);
CREATE INDEX orders_open ON orders (next_try_at)
    WHERE state IN ('planned', 'held', 'ready', 'sending', 'unknown', 'placed') OR state = 'confirmed' AND NOT certified;

CREATE TABLE order_attempts (
    order_id uuid NOT NULL REFERENCES orders,
    n int NOT NULL,
    epoch bigint NOT NULL,
    started_at timestamptz NOT NULL,
    deadline timestamptz NOT NULL,
    finished_at timestamptz,
    outcome text NOT NULL DEFAULT '',
    PRIMARY KEY (order_id, n)
);

CREATE TABLE document_series (
    series text PRIMARY KEY,
    next_number bigint NOT NULL CHECK (next_number >= 1)
);

CREATE TABLE documents (
    number text PRIMARY KEY,
    series text NOT NULL,
    sequence bigint NOT NULL,
    kind text NOT NULL,
    mode text NOT NULL CHECK (mode IN ('live', 'rehearsal')),
    legal_entity text NOT NULL,
    campaign text NOT NULL,
    buy_day date NOT NULL,
    settlement int NOT NULL,
    provider text NOT NULL,
    issued_at timestamptz NOT NULL,
    content jsonb NOT NULL,
    content_bytes bytea NOT NULL,
    content_sha256 text NOT NULL,
    UNIQUE (series, sequence),
    UNIQUE (campaign, buy_day, settlement, provider, kind)
);

-- The first bytes are the document.
CREATE TABLE document_files (
    number text PRIMARY KEY REFERENCES documents,
    rendered_at timestamptz NOT NULL,
    filename text NOT NULL,
    bytes bytea NOT NULL,
    sha256 text NOT NULL
);

ALTER TABLE orders ADD COLUMN document text REFERENCES documents;

CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    key bytea NOT NULL,
    value bytea,
    headers jsonb NOT NULL DEFAULT '[]',
    created_at timestamptz NOT NULL,
    sent_at timestamptz
);
CREATE INDEX outbox_unsent ON outbox (id) WHERE sent_at IS NULL;
