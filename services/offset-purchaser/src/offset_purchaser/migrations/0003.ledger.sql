-- Double entry, append only. Every posting adds up to zero in each unit: grams ('g') and currencies.

CREATE TABLE postings (
    posting text PRIMARY KEY,
    at timestamptz NOT NULL,
    mode text NOT NULL CHECK (mode IN ('live', 'rehearsal')),
    legal_entity text NOT NULL,
    note text NOT NULL
);

CREATE TABLE entries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    posting text NOT NULL REFERENCES postings,
    legal_entity text NOT NULL,
    account text NOT NULL,
    unit text NOT NULL,
    amount numeric NOT NULL CHECK (amount <> 0),
    campaign text NOT NULL,
    day date NOT NULL,
    number int NOT NULL,
    provider text NOT NULL,
    order_id uuid
);
CREATE INDEX entries_by_account ON entries (legal_entity, provider, account, unit);
CREATE INDEX entries_by_day ON entries (campaign, day, account);
CREATE INDEX entries_by_posting ON entries (posting);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append only: % is refused', TG_TABLE_NAME, TG_OP;
END;
$$;

CREATE FUNCTION posting_balances() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM entries WHERE posting = NEW.posting GROUP BY unit HAVING sum(amount) <> 0) THEN
        RAISE EXCEPTION 'posting % does not add up to zero', NEW.posting;
    END IF;
    RETURN NULL;
END;
$$;

CREATE CONSTRAINT TRIGGER postings_balance AFTER INSERT ON postings
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION posting_balances();
CREATE CONSTRAINT TRIGGER entries_balance AFTER INSERT ON entries
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION posting_balances();

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON postings
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON frozen_settlements
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON frozen_lines
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON documents
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON document_files
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON campaign_versions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The owner's own rights go too. UPDATE stays where a foreign key points (its check locks the row), so there the
-- trigger alone refuses.
REVOKE DELETE, TRUNCATE ON postings, entries, frozen_settlements, frozen_lines, documents, document_files,
    campaign_versions FROM CURRENT_USER;
REVOKE UPDATE ON entries, frozen_lines, document_files FROM CURRENT_USER;

CREATE TABLE certificates (
    registry text NOT NULL,
    serial_first text NOT NULL,
    serial_last text NOT NULL,
    order_id uuid NOT NULL REFERENCES orders,
    reference text NOT NULL,
    quantity_g bigint NOT NULL CHECK (quantity_g > 0),
    content jsonb NOT NULL,
    file bytea NOT NULL,
    sha256 text NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (registry, serial_first, serial_last)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON certificates
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON certificates FROM CURRENT_USER;

CREATE TABLE provider_invoices (
    order_id uuid PRIMARY KEY REFERENCES orders,
    number text NOT NULL,
    issued_on date NOT NULL,
    filename text NOT NULL,
    bytes bytea NOT NULL,
    sha256 text NOT NULL,
    received_at timestamptz NOT NULL
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON provider_invoices
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON provider_invoices FROM CURRENT_USER;

CREATE TABLE payments (
    reference text PRIMARY KEY,
    document text NOT NULL REFERENCES documents,
    paid_on date NOT NULL,
    amount numeric NOT NULL CHECK (amount > 0),
    currency text NOT NULL,
    imported_at timestamptz NOT NULL
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payments
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON payments FROM CURRENT_USER;
