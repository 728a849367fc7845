//! Opening a file of recorded calls: checked first, made or brought up to date second, so that a file which is not
//! ours, or no longer whole, is never written to.

use crate::{OpenError, places::Places, schema};
use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig};
use std::{
    fs, io,
    io::Read,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// How long a writer waits for another process.
pub(crate) const BUSY: Duration = Duration::from_secs(10);

/// Files up to this size are checked as a whole when they are opened: about 10 ms. In larger ones damage is found when
/// the damaged part is read.
const CHECKED_WHOLE: u64 = 16 * 1024 * 1024;

/// Pages of the log after which it is written back into the file: 16 MiB.
const LOG_PAGES: u32 = 4096;

/// A file of recorded calls. One connection: for several threads, open the file several times.
#[derive(Debug)]
pub struct Store {
    pub(crate) connection: Connection,
    pub(crate) path: PathBuf,
    pub(crate) places: Places,
}

impl Store {
    /// Opens the file to append to it. Makes the file and its folder where they are absent, brings an older schema up
    /// to date.
    pub fn open(path: &Path) -> Result<Store, OpenError> {
        make_folder(path)?;
        check_header(path)?;
        fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .map_err(|source| OpenError::Unwritable {
                path: path.to_owned(),
                source,
            })?;
        let mut connection = connect(path)?;
        check(&connection, path)?;
        prepare_to_write(&mut connection).map_err(|source| explain(path, source))?;
        Ok(Store {
            connection,
            path: path.to_owned(),
            places: Places::default(),
        })
    }

    /// Opens a file that exists, for commands that only read. Works on read-only files and folders too.
    pub fn open_existing(path: &Path) -> Result<Store, OpenError> {
        let missing = || OpenError::Missing {
            path: path.to_owned(),
        };
        if check_header(path)? == Header::Empty {
            return Err(missing());
        }
        let mut connection = connect(path)?;
        if connection.is_readonly("main").unwrap_or(false) || read_probe(&connection).is_err() {
            connection = connect_immutable(path, connection)?;
        }
        let found = check(&connection, path)?;
        if found < schema::KNOWN {
            schema::migrate(&mut connection, schema::STEPS).map_err(|source| {
                match source.sqlite_error_code() {
                    Some(ErrorCode::ReadOnly) => OpenError::OlderReadOnly {
                        path: path.to_owned(),
                        found,
                        known: schema::KNOWN,
                    },
                    _ => explain(path, source),
                }
            })?;
        }
        Ok(Store {
            connection,
            path: path.to_owned(),
            places: Places::default(),
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// What the first bytes of a file say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Header {
    /// Absent, or without content: left by a process that was killed before it wrote anything.
    Empty,
    /// A file of recorded calls of a version that we know.
    Ours,
}

/// Looks at the file without SQLite, which might finish somebody else's interrupted write just by opening it. Without
/// its locks, too: of a file that another process is just making only the beginning of the header may be there, so what
/// is not ours is looked at again before it is refused.
fn check_header(path: &Path) -> Result<Header, OpenError> {
    const TRIES: u32 = 5;
    for _ in 1..TRIES {
        match read_header(path) {
            Err(OpenError::Foreign { .. } | OpenError::NotADatabase { .. }) => {
                std::thread::sleep(Duration::from_millis(10));
            }
            told => return told,
        }
    }
    read_header(path)
}

/// Offsets: <https://www.sqlite.org/fileformat2.html#the_database_header>.
fn read_header(path: &Path) -> Result<Header, OpenError> {
    let mut header = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(100).read_to_end(&mut header));
    match read {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Header::Empty),
        Err(source) => {
            return Err(OpenError::Unreadable {
                path: path.to_owned(),
                source,
            });
        }
        Ok(0) => return Ok(Header::Empty),
        Ok(_) => {}
    }
    if header.len() < 100 || !header.starts_with(b"SQLite format 3\0") {
        return Err(OpenError::NotADatabase {
            path: path.to_owned(),
        });
    }
    let field = |at: usize| {
        u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
    };
    if field(68) != schema::APPLICATION_ID {
        return Err(OpenError::Foreign {
            path: path.to_owned(),
        });
    }
    refuse_newer(path, field(60)).map(|()| Header::Ours)
}

fn refuse_newer(path: &Path, found: u32) -> Result<(), OpenError> {
    if found > schema::KNOWN {
        return Err(OpenError::Newer {
            path: path.to_owned(),
            found,
            known: schema::KNOWN,
        });
    }
    Ok(())
}

fn make_folder(path: &Path) -> Result<(), OpenError> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => {
            fs::create_dir_all(folder).map_err(|source| OpenError::Folder {
                path: folder.to_owned(),
                source,
            })
        }
        _ => Ok(()),
    }
}

fn connect(path: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags)
        .and_then(configure)
        .map_err(|source| explain(path, source))
}

/// For a folder that cannot be written to, where SQLite cannot make the index of its log. Only where the log is empty:
/// what is in it would be overlooked. Otherwise the connection given is the best there is.
fn connect_immutable(path: &Path, otherwise: Connection) -> Result<Connection, OpenError> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    if fs::metadata(log).is_ok_and(|log| log.len() > 0) {
        return Ok(otherwise);
    }
    let Some(text) = path.to_str() else {
        return Ok(otherwise);
    };
    let escaped = text
        .replace('%', "%25")
        .replace('?', "%3f")
        .replace('#', "%23");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(format!("file:{escaped}?immutable=1"), flags)
        .and_then(configure)
        .map_err(|source| explain(path, source))
}

/// Until the file has been found whole, closing it must not write the log back into it.
fn configure(connection: Connection) -> rusqlite::Result<Connection> {
    connection.busy_timeout(BUSY)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    Ok(connection)
}

fn read_probe(connection: &Connection) -> rusqlite::Result<u32> {
    connection.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))
}

/// The schema version of a file that is whole, as far as can be told quickly.
fn check(connection: &Connection, path: &Path) -> Result<u32, OpenError> {
    let look = || -> rusqlite::Result<_> {
        read_probe(connection)?;
        let version = schema::version(connection)?;
        Ok((version, damage(connection, path)?))
    };
    let (version, damage) = look().map_err(|source| explain(path, source))?;
    // Again, because the version in the log may be newer than the one in the file's header.
    refuse_newer(path, version)?;
    match damage {
        Some(what) => Err(OpenError::Damaged {
            path: path.to_owned(),
            what,
        }),
        None => Ok(version),
    }
}

/// What is wrong with the file, where something is. That it is shorter than it says, SQLite finds by itself.
fn damage(connection: &Connection, path: &Path) -> rusqlite::Result<Option<String>> {
    let size = fs::metadata(path).map_or(0, |file| file.len());
    let page: u64 = connection
        .pragma_query_value(None, "page_size", |row| row.get::<_, u32>(0))?
        .into();
    if !size.is_multiple_of(page) {
        return Ok(Some("its last page is incomplete".to_owned()));
    }
    if size > CHECKED_WHOLE {
        return Ok(None);
    }
    let said = connection.query_row("PRAGMA quick_check(1)", (), |row| row.get::<_, String>(0))?;
    Ok((said != "ok").then(|| said.trim().replace('\n', "; ")))
}

/// The schema is written before the log is switched on, so that the header of every file we make says whose it is.
fn prepare_to_write(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    // What a call refers to was found, or made, in the transaction that records it: not looked for again for each.
    connection.pragma_update(None, "foreign_keys", false)?;
    schema::migrate(connection, schema::STEPS)?;
    use_log(connection)?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    // Written back into the file less often: a page that many calls were added to is then written back once.
    connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    Ok(())
}

/// Two processes that both switch do not wait for each other inside SQLite, so they do so here. Where the file system
/// knows no shared memory the mode stays as it was, which is slower and as safe.
fn use_log(connection: &Connection) -> rusqlite::Result<()> {
    let deadline = Instant::now() + BUSY;
    loop {
        let switched = connection
            .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0));
        match switched {
            Ok(_) => return Ok(()),
            Err(e)
                if e.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && Instant::now() < deadline =>
            {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(e) => return Err(e),
        }
    }
}

fn explain(path: &Path, source: rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt) => OpenError::Damaged {
            path,
            what: source.to_string(),
        },
        Some(ErrorCode::NotADatabase) => OpenError::NotADatabase { path },
        Some(ErrorCode::DiskFull) => OpenError::DiskFull { path },
        _ => OpenError::Database { path, source },
    }
}
