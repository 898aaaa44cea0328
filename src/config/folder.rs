//! Reads the files of a configuration folder, and nothing outside it.

use std::io::{self, Read};
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use globset::GlobBuilder;

/// The largest file that is read: some hundred thousand projects.
pub const FILE_LIMIT_BYTES: u64 = 64 << 20;

/// The most files and folders that are looked at for one pattern.
const MOST_FILES: usize = 100_000;

/// How deep `**` looks.
const DEEPEST_FOLDER: usize = 32;

const WILDCARDS: [char; 4] = ['*', '?', '[', '{'];

/// A folder that is read by paths below it; links that lead out of it are refused.
#[derive(Debug)]
pub struct Folder {
    dir: Dir,
}

/// Files and folders, in order.
#[derive(Debug, Default)]
pub struct Listing {
    pub names: Vec<String>,
    /// Names that are no UTF-8, with replacement characters.
    pub strange: Vec<String>,
}

/// Why a file's text is not to be had.
#[derive(Debug)]
pub enum Unreadable {
    Missing,
    /// In words that follow the file's name.
    Because(String),
    /// Not UTF-8: the text with replacement characters, and where the first of them stands.
    NotText {
        text: String,
        at: usize,
    },
}

impl Folder {
    /// # Errors
    ///
    /// Where the folder is missing or cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        let dir = Dir::open_ambient_dir(path, ambient_authority())?;
        Ok(Self { dir })
    }

    /// Reads a text file below the folder.
    ///
    /// # Errors
    ///
    /// See [`Unreadable`].
    pub fn read(&self, path: &str) -> Result<String, Unreadable> {
        let because = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => Unreadable::Missing,
            _ => Unreadable::Because(reason(&error)),
        };
        let metadata = self.dir.metadata(path).map_err(because)?;
        if !metadata.is_file() {
            return Err(Unreadable::Because("is no file".into()));
        }
        if metadata.len() > FILE_LIMIT_BYTES {
            return Err(Unreadable::Because(too_large()));
        }
        let file = self.dir.open(path).map_err(because)?;
        let mut bytes = Vec::new();
        file.take(FILE_LIMIT_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(because)?;
        if bytes.len() as u64 > FILE_LIMIT_BYTES {
            return Err(Unreadable::Because(too_large()));
        }
        String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            Unreadable::NotText { text, at }
        })
    }

    /// What lies in a folder below this one, by name; `None` where it is missing.
    ///
    /// # Errors
    ///
    /// Where it cannot be listed, in words that follow its name.
    pub fn listing(&self, path: &str) -> Result<Option<Listing>, String> {
        let entries = match self.dir.read_dir(path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(reason(&error)),
        };
        let mut listing = Listing::default();
        for entry in entries {
            let entry = entry.map_err(|error| reason(&error))?;
            match entry.file_name().into_string() {
                Ok(name) => listing.names.push(name),
                Err(name) => listing.strange.push(name.to_string_lossy().into_owned()),
            }
        }
        listing.names.sort_unstable();
        listing.strange.sort_unstable();
        Ok(Some(listing))
    }

    /// The files below this folder that a pattern names, by name: `teams/*/fleet.yaml`, `**/*.yaml`,
    /// or one file that may be missing. What begins with a dot, and links to folders, a pattern
    /// passes over.
    ///
    /// # Errors
    ///
    /// A pattern that is none, a folder that cannot be listed, or too many files, in words that
    /// follow the pattern.
    pub fn matching(&self, pattern: &str) -> Result<Listing, String> {
        let pattern = pattern.trim_start_matches("./");
        if !pattern.contains(WILDCARDS) {
            return Ok(Listing {
                names: vec![pattern.to_owned()],
                strange: Vec::new(),
            });
        }
        let glob = GlobBuilder::new(pattern).literal_separator(true).build();
        let glob = glob
            .map_err(|error| format!("is no pattern: {}", error.kind()))?
            .compile_matcher();
        let fixed = pattern
            .split('/')
            .take_while(|part| !part.contains(WILDCARDS));
        let start = fixed.collect::<Vec<_>>().join("/");
        let deepest = if pattern.contains("**") {
            DEEPEST_FOLDER
        } else {
            pattern.split('/').count()
        };
        let mut found = Listing::default();
        let mut looked_at = 0;
        let mut folders = vec![start];
        while let Some(folder) = folders.pop() {
            let listed = if folder.is_empty() { "." } else { &folder };
            let below = |name: String| match folder.as_str() {
                "" => name,
                folder => format!("{folder}/{name}"),
            };
            let listing = self.listing(listed)?.unwrap_or_default();
            looked_at += listing.names.len() + listing.strange.len();
            if looked_at > MOST_FILES {
                return Err(format!("leads past more than {MOST_FILES} files"));
            }
            let strange = listing.strange.into_iter().map(below);
            found
                .strange
                .extend(strange.filter(|path| glob.is_match(path)));
            for name in listing.names {
                let is_open = !name.starts_with('.');
                let path = below(name);
                if !self.is_folder(&path) {
                    if is_open && glob.is_match(&path) {
                        found.names.push(path);
                    }
                } else if is_open && path.split('/').count() < deepest && !self.is_link(&path) {
                    folders.push(path);
                }
            }
        }
        found.names.sort_unstable();
        found.strange.sort_unstable();
        Ok(found)
    }

    fn is_link(&self, path: &str) -> bool {
        self.dir
            .symlink_metadata(path)
            .is_ok_and(|metadata| metadata.is_symlink())
    }

    /// Whether the path is a file.
    pub fn is_file(&self, path: &str) -> bool {
        self.dir
            .metadata(path)
            .is_ok_and(|metadata| metadata.is_file())
    }

    /// Whether the path is a folder.
    pub fn is_folder(&self, path: &str) -> bool {
        self.dir
            .metadata(path)
            .is_ok_and(|metadata| metadata.is_dir())
    }
}

fn too_large() -> String {
    format!("is larger than {} MiB", FILE_LIMIT_BYTES >> 20)
}

/// Why the system refused, in words that follow a file's name.
fn reason(error: &io::Error) -> String {
    // cap-std's own refusal carries no number of the system.
    if error.kind() == io::ErrorKind::PermissionDenied && error.raw_os_error().is_none() {
        return "leads out of the folder; nothing outside it is read".into();
    }
    if error.to_string().contains("symbolic link") {
        return "is a link that leads in a circle".into();
    }
    format!("cannot be read: {error}")
}
