-- Where each document goes once it has bytes: the folder, and people by mail. The announcement on Kafka is the outbox's.

CREATE TABLE deliveries (
    number text NOT NULL REFERENCES documents,
    channel text NOT NULL CHECK (channel IN ('folder', 'mail')),
    target text NOT NULL,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'refused')),
    attempts int NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    next_try_at timestamptz NOT NULL,
    sent_at timestamptz,
    reason text NOT NULL DEFAULT '',
    CHECK ((channel = 'folder') = (target = '')),
    CHECK (state <> 'sent' OR sent_at IS NOT NULL),
    PRIMARY KEY (number, channel, target)
);
CREATE INDEX deliveries_open ON deliveries (next_try_at) WHERE state = 'waiting';

-- A file that is there already stays as it is, so writing all of them once more changes nothing.
INSERT INTO deliveries (number, channel, target, next_try_at) SELECT number, 'folder', '', rendered_at FROM document_files;
