"""Where identities live: a database with migrations, a journal, snapshots, and what becomes of people's data."""
