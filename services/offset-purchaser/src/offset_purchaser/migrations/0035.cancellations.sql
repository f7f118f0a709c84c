-- Every time a provider was asked to cancel an order, by whom, why, and what it said: also where the answer was no, or none.
CREATE TABLE cancellations (
    order_id uuid NOT NULL REFERENCES orders,
    asked_at timestamptz NOT NULL,
    asked_by text NOT NULL CHECK (asked_by <> ''),
    reason text NOT NULL,
    said text NOT NULL,
    PRIMARY KEY (order_id, asked_at)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON cancellations
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON cancellations FROM CURRENT_USER;
