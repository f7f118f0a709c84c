-- Credit notes: what a document said and no longer holds. A person or a provider's news asks for one, and the instance
-- that acts issues it, so that no number is given while the tables are behind what was announced.
CREATE TABLE credits (
    credit bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    document text NOT NULL REFERENCES documents,
    correction text NOT NULL CHECK (correction IN ('cancellation', 'price')),
    reason text NOT NULL,
    requested_by text NOT NULL CHECK (requested_by <> ''),
    requested_at timestamptz NOT NULL,
    number text UNIQUE REFERENCES documents,
    refused text NOT NULL DEFAULT '',
    CHECK (number IS NULL OR refused = '')
);
CREATE UNIQUE INDEX credits_one_at_a_time ON credits (document) WHERE number IS NULL AND refused = '';

CREATE TABLE credit_lines (
    credit bigint NOT NULL REFERENCES credits,
    order_id uuid NOT NULL,
    cancelled_g bigint NOT NULL CHECK (cancelled_g >= 0),
    net numeric NOT NULL CHECK (net >= 0),
    PRIMARY KEY (credit, order_id)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON credit_lines
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON credit_lines FROM CURRENT_USER;
REVOKE DELETE, TRUNCATE ON credits FROM CURRENT_USER;

-- What was confirmed stays as it was; what credit notes took back of it stands beside it.
ALTER TABLE orders ADD COLUMN credited_g bigint NOT NULL DEFAULT 0,
    ADD COLUMN credited_amount numeric NOT NULL DEFAULT 0,
    ADD CHECK (credited_g >= 0 AND credited_g <= coalesce(confirmed_g, 0)),
    ADD CHECK (credited_amount >= 0 AND credited_amount <= amount);

-- As before, and: an order on a document ends as cancelled when credit notes took back all of it.
CREATE OR REPLACE FUNCTION order_is_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'orders are kept: DELETE is refused';
    END IF;
    IF (OLD.order_id, OLD.mode, OLD.legal_entity, OLD.campaign, OLD.buy_day, OLD.number, OLD.leg, OLD.attempt,
        OLD.provider, OLD.quantity_g, OLD.currency) IS DISTINCT FROM
       (NEW.order_id, NEW.mode, NEW.legal_entity, NEW.campaign, NEW.buy_day, NEW.number, NEW.leg, NEW.attempt,
        NEW.provider, NEW.quantity_g, NEW.currency) THEN
        RAISE EXCEPTION 'order %: what it buys cannot change', OLD.order_id;
    END IF;
    IF OLD.first_sent_at IS NOT NULL AND NEW.first_sent_at IS NOT NULL AND OLD.request IS DISTINCT FROM NEW.request THEN
        RAISE EXCEPTION 'order %: its bytes may have left and cannot change', OLD.order_id;
    END IF;
    IF OLD.state IN ('rejected', 'cancelled') AND NEW.state <> OLD.state
       OR OLD.state = 'confirmed' AND NEW.state NOT IN ('confirmed', 'cancelled')
       OR OLD.document IS NOT NULL AND NEW.document IS DISTINCT FROM OLD.document
       OR OLD.document IS NOT NULL AND NEW.state <> OLD.state AND NEW.credited_g <> NEW.confirmed_g THEN
        RAISE EXCEPTION 'order % has ended as %', OLD.order_id, OLD.state;
    END IF;
    IF OLD.state = 'confirmed' AND (OLD.confirmed_g, OLD.amount, OLD.price_per_tonne)
       IS DISTINCT FROM (NEW.confirmed_g, NEW.amount, NEW.price_per_tonne) THEN
        RAISE EXCEPTION 'order %: what was confirmed cannot change', OLD.order_id;
    END IF;
    IF NEW.credited_g < OLD.credited_g OR NEW.credited_amount < OLD.credited_amount THEN
        RAISE EXCEPTION 'order %: a credit note is never taken back', OLD.order_id;
    END IF;
    RETURN NEW;
END;
$$;
