-- Announcements are of places on the ledger, not of digests: anybody can anchor another's digest once more, and what that
-- copy is worth says nothing of the original. One that cannot be finished yet waits for what it lacks, and for its next
-- turn, so that however many wait, they hold up no other.
ALTER TABLE announcements
  ADD COLUMN organisation int8, -- whose entry it is there
  ADD COLUMN subject bytes32, -- in whose history; zeros: on the organisation's own chain
  ADD COLUMN attempts int4 NOT NULL DEFAULT 0, -- that brought it no further
  ADD COLUMN due_at timestamptz(3) NOT NULL DEFAULT now(), -- its next turn
  ADD COLUMN awaits bytes32; -- the entry whose content, set or own announcement it waits for

UPDATE announcements a SET (organisation, subject) = (
  SELECT place.organisation, place.subject FROM (
    SELECT organisation, decode(repeat('00', 32), 'hex') AS subject, block_number, log_index
    FROM own_links WHERE digest = a.digest AND ledger = a.ledger AND kind = a.kind
    UNION ALL
    SELECT organisation, subject, block_number, log_index
    FROM links WHERE digest = a.digest AND ledger = a.ledger AND kind = a.kind AND organisation IS NOT NULL
  ) AS place ORDER BY block_number, log_index LIMIT 1);
-- They are found anew.
DELETE FROM announcements WHERE organisation IS NULL;

ALTER TABLE announcements
  ALTER COLUMN organisation SET NOT NULL,
  ALTER COLUMN subject SET NOT NULL,
  DROP CONSTRAINT announcements_pkey,
  ADD PRIMARY KEY (digest, organisation, subject, ledger, kind);
DROP INDEX announcements_open;
CREATE INDEX announcements_due ON announcements (due_at) WHERE done_at IS NULL;
CREATE INDEX announcements_awaits ON announcements (awaits) WHERE done_at IS NULL AND awaits IS NOT NULL;

-- What an announcement waits for has come: its turn is now.
CREATE FUNCTION announcements_wake() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE announcements SET due_at = clock_timestamp(), attempts = 0
    FROM changed WHERE announcements.awaits = changed.digest AND announcements.done_at IS NULL;
  RETURN NULL;
END $$;
CREATE TRIGGER announcements_blocks_inserted AFTER INSERT ON blocks
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION announcements_wake();
CREATE TRIGGER announcements_keys_inserted AFTER INSERT ON block_keys
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION announcements_wake();
CREATE TRIGGER announcements_sets_inserted AFTER INSERT ON sets
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION announcements_wake();
