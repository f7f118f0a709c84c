-- Self-billed invoices are numbered in a series of each supplier's own: its code in the numbers, given once.
CREATE TABLE supplier_codes (
    legal_entity text NOT NULL,
    supplier text NOT NULL,
    code text NOT NULL CHECK (code ~ '^[A-Z0-9]{1,6}$'),
    PRIMARY KEY (legal_entity, supplier),
    UNIQUE (legal_entity, code)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON supplier_codes
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON supplier_codes FROM CURRENT_USER;
