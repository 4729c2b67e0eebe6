-- works with the code of: 1
-- Records: the id as bytes, which sort as they do in SQLite, and the encrypted value, which cannot be compressed.
CREATE TABLE meta (key bytea PRIMARY KEY, value bytea NOT NULL);
CREATE TABLE installations (key bytea PRIMARY KEY, value bytea NOT NULL);
CREATE TABLE bots (key bytea PRIMARY KEY, value bytea NOT NULL);
CREATE TABLE workspaces (key bytea PRIMARY KEY, value bytea NOT NULL);
CREATE TABLE states (key bytea PRIMARY KEY, value bytea NOT NULL);
CREATE TABLE undos (key bytea PRIMARY KEY, value bytea NOT NULL);
CREATE TABLE refreshes (key bytea PRIMARY KEY, value bytea NOT NULL);
CREATE TABLE expiries (key bytea PRIMARY KEY, value bytea NOT NULL);
CREATE TABLE inbox (key bytea PRIMARY KEY, value bytea NOT NULL);
CREATE TABLE retries (key bytea PRIMARY KEY, value bytea NOT NULL);
CREATE TABLE aside (key bytea PRIMARY KEY, value bytea NOT NULL);
CREATE TABLE replays (key bytea PRIMARY KEY, value bytea NOT NULL);
CREATE TABLE remembered (key bytea PRIMARY KEY, value bytea NOT NULL);
ALTER TABLE inbox ALTER COLUMN value SET STORAGE EXTERNAL;
ALTER TABLE retries ALTER COLUMN value SET STORAGE EXTERNAL;
ALTER TABLE aside ALTER COLUMN value SET STORAGE EXTERNAL;
ALTER TABLE replays ALTER COLUMN value SET STORAGE EXTERNAL;

-- These are nearly empty and change all the time: by the default, a share of the rows, they would be cleaned too late.
ALTER TABLE inbox SET (autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0);
ALTER TABLE retries SET (autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0);

-- The id of the key with which every process encrypts: machines have copies of the keyring, which change one by one.
CREATE TABLE primary_key (key_id text NOT NULL, only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row));

-- Numbers events in the order in which servers have accepted them.
CREATE SEQUENCE numbers;

-- The processes that have the store open. A row counts until `lease_until`, by this database's clock.
CREATE TABLE processes (
    name text PRIMARY KEY,
    machine text NOT NULL, -- its boot, and the namespace in which `pid` counts
    host text NOT NULL,
    pid integer NOT NULL,
    version text NOT NULL,
    address text, -- where a server listens; null for a command
    key_ids text[], -- the primary key first; null before they are published
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    lease_until timestamptz NOT NULL,
    fenced boolean NOT NULL DEFAULT false -- it commits nothing more; the row stays until its events are taken over
);
ALTER TABLE processes SET (autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0);
