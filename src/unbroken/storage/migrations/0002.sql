-- People whose erasure has begun: which names and tracks they had, until every file that this program wrote is clean.
CREATE TABLE erasures (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  body TEXT NOT NULL
);

-- Copies of what is stored here that this program made elsewhere: recordings, backups, exports.
CREATE TABLE copies (
  place TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  time REAL NOT NULL
);
