-- Who may call the HTTP API, and what every POST was answered.

CREATE TABLE api_keys (
    key_id text PRIMARY KEY,
    name text NOT NULL CHECK (name <> ''),
    role text NOT NULL CHECK (role IN ('read', 'approve', 'admin')),
    secret_sha256 bytea NOT NULL CHECK (octet_length(secret_sha256) = 32),
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz
);

-- Written in the transaction of the effect, so that a request that had an effect is known to have had it.
CREATE TABLE api_requests (
    key_id text NOT NULL REFERENCES api_keys,
    idempotency_key text NOT NULL,
    fingerprint bytea NOT NULL,
    method text NOT NULL,
    path text NOT NULL,
    status int NOT NULL,
    content_type text NOT NULL,
    body bytea NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (key_id, idempotency_key)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON api_requests
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON api_requests FROM CURRENT_USER;
