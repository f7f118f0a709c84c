-- Who hears of orders and documents over HTTP, what each still has to hear, and every attempt to tell.

CREATE TABLE webhook_endpoints (
    endpoint_id uuid PRIMARY KEY,
    url text NOT NULL,
    secret text NOT NULL,
    old_secret text,
    old_secret_until timestamptz,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    disabled_at timestamptz,
    disabled_reason text NOT NULL DEFAULT ''
);

-- Written in the transaction of the outbox row. ``lane`` is a campaign day: its messages leave one after the other.
CREATE TABLE webhook_messages (
    endpoint_id uuid NOT NULL REFERENCES webhook_endpoints,
    outbox_id bigint NOT NULL REFERENCES outbox,
    lane text NOT NULL,
    type text NOT NULL,
    tries int NOT NULL DEFAULT 0,
    first_try_at timestamptz,
    next_try_at timestamptz NOT NULL,
    delivered_at timestamptz,
    PRIMARY KEY (endpoint_id, outbox_id)
);
CREATE INDEX webhook_messages_waiting ON webhook_messages (endpoint_id, lane, outbox_id) WHERE delivered_at IS NULL;

CREATE TABLE webhook_attempts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    endpoint_id uuid NOT NULL,
    outbox_id bigint NOT NULL,
    at timestamptz NOT NULL,
    took_ms int NOT NULL,
    status int,
    outcome text NOT NULL,
    FOREIGN KEY (endpoint_id, outbox_id) REFERENCES webhook_messages
);
CREATE INDEX webhook_attempts_by_message ON webhook_attempts (endpoint_id, outbox_id);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON webhook_attempts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON webhook_attempts FROM CURRENT_USER;
