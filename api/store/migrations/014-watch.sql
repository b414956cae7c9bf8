-- Entries whose mounted parts the watch has still to look at. Who writes an edge puts its entry here in the same transaction:
-- so nothing is passed over, however late it comes into the graph, and whatever a reorganisation brings again.
CREATE TABLE watch_due (digest bytes32 PRIMARY KEY);

-- In their place was a cursor over the links, which went past what was not in the graph yet.
DROP TABLE watch_cursors;
DROP INDEX links_mounting;

-- What it may have passed is looked at once more; a notice that was posted is not posted again.
INSERT INTO watch_due SELECT DISTINCT digest::bytea FROM edges WHERE relation IN (1, 2) AND child_type = 3 AND NOT sealed;
