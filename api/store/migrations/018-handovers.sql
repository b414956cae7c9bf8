-- The actions by which a register gives a title to another key, title.reissued and title.transferred: who had it is told.
CREATE INDEX titles_handovers ON titles (kind, block_number) WHERE kind IN (13, 14);
