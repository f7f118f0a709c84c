-- The database refuses what the rules forbid, also to the service's own role.

-- A later attempt was refused while an earlier one may have succeeded.
ALTER TABLE orders ADD COLUMN refusal text NOT NULL DEFAULT '';

-- Nothing is owed twice: grams that one purchase took cannot be taken by another, and neither carry nor surplus is
-- ever used up beyond what is there. Judged when the transaction commits.
CREATE FUNCTION balances_hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.account = 'owed' THEN
        IF (SELECT sum(amount) FROM entries WHERE campaign = NEW.campaign AND day = NEW.day
            AND account = 'owed' AND unit = 'g') < 0 THEN
            RAISE EXCEPTION 'more grams of % are taken than % owes', NEW.day, NEW.campaign;
        END IF;
    ELSIF (SELECT sum(amount) * CASE NEW.account WHEN 'surplus' THEN -1 ELSE 1 END FROM entries
           WHERE legal_entity = NEW.legal_entity AND provider = NEW.provider AND account = NEW.account
           AND unit = 'g') < 0 THEN
        RAISE EXCEPTION 'the account % of % at % would be overdrawn', NEW.account, NEW.legal_entity, NEW.provider;
    END IF;
    RETURN NULL;
END;
$$;
CREATE CONSTRAINT TRIGGER entries_hold AFTER INSERT ON entries DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.account IN ('owed', 'carried', 'surplus') AND NEW.unit = 'g') EXECUTE FUNCTION balances_hold();

-- Shares and plans belong to what was frozen.
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON settlement_legs
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON purchases
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
REVOKE DELETE, TRUNCATE ON settlement_legs, purchases FROM CURRENT_USER;
REVOKE UPDATE ON settlement_legs FROM CURRENT_USER;

-- What an order buys never changes; its bytes do not change once they may have left; what ended stays ended.
CREATE FUNCTION order_is_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
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
       OR OLD.document IS NOT NULL AND (NEW.state <> OLD.state OR NEW.document IS DISTINCT FROM OLD.document) THEN
        RAISE EXCEPTION 'order % has ended as %', OLD.order_id, OLD.state;
    END IF;
    IF OLD.state = 'confirmed' AND (OLD.confirmed_g, OLD.amount, OLD.price_per_tonne)
       IS DISTINCT FROM (NEW.confirmed_g, NEW.amount, NEW.price_per_tonne) THEN
        RAISE EXCEPTION 'order %: what was confirmed cannot change', OLD.order_id;
    END IF;
    RETURN NEW;
END;
$$;
CREATE TRIGGER order_is_fixed BEFORE UPDATE OR DELETE ON orders FOR EACH ROW EXECUTE FUNCTION order_is_fixed();

-- Two legs at one provider may differ in seller, currency or kind of document, and an order that was tried again after
-- its neighbour was documented needs a document of its own: each order is on one document, that is what counts.
ALTER TABLE documents DROP CONSTRAINT documents_campaign_buy_day_settlement_provider_kind_key;

-- A manual line taken back keeps its row and its evidence; its reading counts nothing any more. (No foreign key: its
-- check would need the right to update lines, which nobody has.)
CREATE TABLE withdrawn_lines (
    line uuid PRIMARY KEY,
    withdrawn_at timestamptz NOT NULL,
    withdrawn_by text NOT NULL CHECK (withdrawn_by <> ''),
    reason text NOT NULL CHECK (reason <> '')
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON withdrawn_lines
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON withdrawn_lines FROM CURRENT_USER;
