//! Traces in and out of SQLite.
