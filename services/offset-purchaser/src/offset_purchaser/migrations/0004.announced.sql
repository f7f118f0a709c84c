-- What the announcements say that our tables do not: after a restore from a backup.

CREATE TABLE announced_orders (
    order_id uuid PRIMARY KEY,
    state text NOT NULL,
    occurred_at timestamptz NOT NULL,
    event jsonb NOT NULL,
    imported_at timestamptz NOT NULL,
    imported_by text NOT NULL
);

ALTER TABLE documents ADD COLUMN imported boolean NOT NULL DEFAULT false;
