-- Plain SQL as SQLite takes it; for PostgreSQL the types are translated (see postgres.py).

-- What holds for the whole database: the fingerprint of the Re-ID net, the check of the key.
CREATE TABLE facts (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
);

-- Everybody with a Global ID. Who was merged stays as a signpost: his row says into whom.
CREATE TABLE people (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  state TEXT NOT NULL,
  merged_into INTEGER,
  first_seen REAL NOT NULL,
  last_seen REAL NOT NULL
);
CREATE INDEX people_by_last_seen ON people (last_seen);
CREATE INDEX people_by_merged_into ON people (merged_into);

-- A camera's tracks that belong to somebody. Track numbers begin anew with each epoch of a camera.
CREATE TABLE tracks (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  camera TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  track INTEGER NOT NULL,
  person INTEGER NOT NULL,
  start_time REAL NOT NULL,
  end_time REAL NOT NULL
);
CREATE UNIQUE INDEX tracks_by_name ON tracks (camera, track, epoch);
CREATE INDEX tracks_by_person ON tracks (person, start_time);
CREATE INDEX tracks_by_end ON tracks (end_time);

-- The best view of each track: float32 numbers in the byte order of x86, sealed where there is a key.
CREATE TABLE features (
  track INTEGER PRIMARY KEY REFERENCES tracks (id) ON DELETE CASCADE,
  time REAL NOT NULL,
  quality REAL NOT NULL,
  model TEXT NOT NULL,
  vector BLOB NOT NULL
);

-- Who went from where to where: the tracks of a person, one after another.
CREATE VIEW transitions AS
SELECT person, came_from, camera AS went_to, left_time, start_time AS arrived_time
FROM (
  SELECT person, camera, start_time,
    LAG(camera) OVER (PARTITION BY person ORDER BY start_time, id) AS came_from,
    LAG(end_time) OVER (PARTITION BY person ORDER BY start_time, id) AS left_time
  FROM tracks
) AS steps
WHERE came_from IS NOT NULL;

-- How often and how fast people go from camera to camera; negative seconds: seen in both at once.
CREATE VIEW topology AS
SELECT came_from, went_to, COUNT(*) AS times, MIN(arrived_time - left_time) AS fastest,
  AVG(arrived_time - left_time) AS mean
FROM transitions
GROUP BY came_from, went_to;

CREATE TABLE events (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  time REAL NOT NULL,
  type TEXT NOT NULL,
  camera TEXT NOT NULL,
  person INTEGER NOT NULL,
  body TEXT NOT NULL
);
CREATE INDEX events_by_person ON events (person);
CREATE INDEX events_by_time ON events (time);

-- Who else an event names: as absorbed, separated, or weighed and not chosen.
CREATE TABLE mentions (
  person INTEGER NOT NULL,
  event INTEGER NOT NULL REFERENCES events (id) ON DELETE CASCADE,
  PRIMARY KEY (person, event)
);
CREATE INDEX mentions_by_event ON mentions (event);

-- Merges and splits with their evidence, made by the engine or by hand.
CREATE VIEW corrections AS
SELECT id, time, type AS kind, person, body FROM events WHERE type IN ('person_merged', 'person_split');

-- How well the net tells people apart at this site, measured at each snapshot.
CREATE TABLE calibration (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  time REAL NOT NULL,
  model TEXT NOT NULL,
  body TEXT NOT NULL
);

-- The batches since the last snapshot, sealed where there is a key.
CREATE TABLE journal (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  body BLOB NOT NULL
);

-- The one snapshot of the engine, in parts: a database's largest value is smaller than a large gallery.
CREATE TABLE snapshots (
  part INTEGER PRIMARY KEY,
  body BLOB NOT NULL
);

-- What people ask of the one writer, and what became of it.
CREATE TABLE commands (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  time REAL NOT NULL,
  who TEXT NOT NULL,
  body TEXT NOT NULL,
  state TEXT NOT NULL,
  answer TEXT NOT NULL
);
CREATE INDEX commands_by_state ON commands (state);
