-- The supply graph: what is in what, by the nodes of api/graph/nodes.ts. Derived from the entries on the ledger whose
-- content is here, one history at a time: whatever changes a history marks it, and its edges are made anew. An edge is
-- here exactly while an anchored, unretracted, unerased entry states it.

CREATE TABLE edges (
  parent uuid NOT NULL,
  child uuid NOT NULL,
  source uuid NOT NULL, -- in whose history it is stated
  digest bytes32 NOT NULL, -- by which entry
  organisation int8 NOT NULL, -- by whom; 0: an organisation of another register
  from_time int8, -- seconds since 1970; null: not said
  until_time int8,
  relation int2 NOT NULL, -- 1 builtFrom, 2 mounted, 3 madeOf, 4 memberOf
  sealed boolean NOT NULL, -- stated in a sealed field: it counts for its attester alone
  parent_type int2 NOT NULL, -- as in `things`: a walk needs no look at it
  child_type int2 NOT NULL
);
-- Two, so that the way up from a vehicle need not read past its parts.
CREATE INDEX edges_parent ON edges (parent) WHERE relation <> 4;
CREATE INDEX edges_members ON edges (parent) INCLUDE (child, child_type, organisation, sealed) WHERE relation = 4;
-- With all that a walk asks: the way up from a batch reads one stretch of the index, not a row here and a row there.
CREATE INDEX edges_child ON edges (child)
  INCLUDE (parent, parent_type, relation, organisation, sealed, from_time, until_time);
-- Hardly ever is a vehicle in anything.
CREATE INDEX edges_vehicle ON edges (child) WHERE child_type = 1;
CREATE INDEX edges_source ON edges (source);

-- What the nodes are: the identifiers, wrapped. They go with the last edge that names them.
CREATE TABLE things (
  node uuid PRIMARY KEY,
  type int2 NOT NULL, -- 1 vehicle, 2 batch, 3 serial
  maker uuid, -- the maker of a serial, keyed: for ranges of serials
  wrapped bytea NOT NULL
);
ALTER TABLE things ALTER COLUMN wrapped SET STATISTICS 0;
CREATE INDEX things_maker ON things (maker, node) WHERE maker IS NOT NULL;

-- What makers say of the things themselves.
CREATE TABLE made (
  node uuid NOT NULL,
  digest bytes32 NOT NULL,
  organisation int8 NOT NULL,
  kind int2 NOT NULL,
  number uuid, -- the maker's part number, keyed
  day int4 NOT NULL, -- days since 1970
  PRIMARY KEY (node, digest)
);
CREATE INDEX made_number ON made (number, day) WHERE number IS NOT NULL;
CREATE INDEX made_organisation ON made (organisation, node) WHERE kind = 33;

-- Of the sealed fields that state edges, the things that they name, wrapped. They were handed over open, by who sealed
-- them, and answer nobody else.
CREATE TABLE graph_sealed (
  digest bytes32 PRIMARY KEY,
  wrapped bytea NOT NULL
);
ALTER TABLE graph_sealed ALTER COLUMN wrapped SET STATISTICS 0;

-- Histories whose part of the graph is to be made anew.
CREATE TABLE graph_due (
  subject bytes32 PRIMARY KEY,
  changes int8 NOT NULL DEFAULT 1
);

-- The row is locked by whoever marks it, so that nobody makes the edges anew without having seen this change.
CREATE FUNCTION graph_mark(subjects bytea[]) RETURNS void LANGUAGE sql AS $$
  INSERT INTO graph_due (subject) SELECT DISTINCT given FROM unnest(subjects) AS given ORDER BY given
  ON CONFLICT (subject) DO UPDATE SET changes = graph_due.changes + 1
$$;

-- The kinds that state edges, or what things are, and amendments (core/supply/stated.ts).
CREATE FUNCTION graph_states(kind int2) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT kind IN (16, 17, 18, 33, 96, 103, 104, 105, 120)
$$;

CREATE FUNCTION graph_links_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM graph_mark(array_agg(subject::bytea)) FROM changed WHERE graph_states(kind) HAVING count(*) > 0;
  RETURN NULL;
END $$;
CREATE TRIGGER graph_links_inserted AFTER INSERT ON links
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION graph_links_changed();
CREATE TRIGGER graph_links_deleted AFTER DELETE ON links
  REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION graph_links_changed();

CREATE FUNCTION graph_content_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM graph_mark(array_agg(links.subject::bytea))
    FROM changed JOIN links ON links.digest = changed.digest WHERE graph_states(links.kind) HAVING count(*) > 0;
  RETURN NULL;
END $$;
CREATE TRIGGER graph_blocks_inserted AFTER INSERT ON blocks
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION graph_content_changed();
CREATE TRIGGER graph_blocks_deleted AFTER DELETE ON blocks
  REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION graph_content_changed();
CREATE TRIGGER graph_keys_inserted AFTER INSERT ON block_keys
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION graph_content_changed();
CREATE TRIGGER graph_keys_deleted AFTER DELETE ON block_keys
  REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION graph_content_changed();
CREATE TRIGGER graph_sealed_inserted AFTER INSERT ON graph_sealed
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION graph_content_changed();
CREATE TRIGGER graph_sealed_deleted AFTER DELETE ON graph_sealed
  REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION graph_content_changed();

-- A vehicle may have safety parts mounted before anything else is said of it here.
CREATE FUNCTION graph_subjects_named() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM graph_mark(array_agg(links.subject::bytea))
    FROM changed JOIN links ON links.subject = changed.subject WHERE graph_states(links.kind) HAVING count(*) > 0;
  RETURN NULL;
END $$;
CREATE TRIGGER graph_identifiers_inserted AFTER INSERT ON identifiers
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION graph_subjects_named();

-- A sealed field that is erased takes with it what is kept of it here.
CREATE FUNCTION graph_disclosures_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM graph_sealed USING changed WHERE graph_sealed.digest = changed.digest
    AND changed.name IN ('parts', 'part', 'batch', 'inputs', 'vehicle', 'usedIn', 'bom');
  RETURN NULL;
END $$;
CREATE TRIGGER graph_disclosures_deleted AFTER DELETE ON disclosures
  REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION graph_disclosures_deleted();

-- A store from before this version has its graph made from what it holds.
INSERT INTO graph_due (subject) SELECT DISTINCT subject FROM links WHERE graph_states(kind);
