-- Old entries of the inbox are forgotten, oldest first.

CREATE INDEX inbox_handled ON inbox (handled_at);
