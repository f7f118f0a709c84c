-- What people bring: figures with evidence, and the arrival of files that a campaign waits for.

CREATE TABLE manual_lines (
    line uuid PRIMARY KEY,
    campaign text NOT NULL REFERENCES campaigns,
    day date NOT NULL,
    channel text NOT NULL,
    format text NOT NULL,
    low_kg numeric NOT NULL,
    central_kg numeric NOT NULL CHECK (central_kg > 0),
    high_kg numeric NOT NULL,
    description text NOT NULL CHECK (description <> ''),
    author text NOT NULL CHECK (author <> ''),
    filename text NOT NULL,
    evidence bytea NOT NULL,
    sha256 text NOT NULL,
    added_at timestamptz NOT NULL,
    CHECK (low_kg <= central_kg AND central_kg <= high_kg)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON manual_lines
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON manual_lines FROM CURRENT_USER;

CREATE TABLE arrivals (
    campaign text NOT NULL REFERENCES campaigns,
    name text NOT NULL,
    arrived_at timestamptz NOT NULL,
    said_by text NOT NULL,
    PRIMARY KEY (campaign, name)
);
