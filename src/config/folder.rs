//! Reads the files of a configuration folder, and nothing outside it.

use std::io::{self, Read};
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use globset::GlobBuilder;

/// The largest file that is read: some hundred thousand projects.
pub const FILE_LIMIT_BYTES: u64 = 64 << 20;

/// The most files that one pattern may name.
const MOST_FILES: usize = 100_000;

/// How deep `**` looks.
const DEEPEST_FOLDER: usize = 32;

const WILDCARDS: [char; 4] = ['*', '?', '[', '{'];

/// A folder that is read by paths below it; links that lead out of it are refused.
#[derive(Debug)]
pub struct Folder {
    dir: Dir,
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

    /// The files in a folder below this one, by name; `None` where it is missing.
    ///
    /// # Errors
    ///
    /// Where it cannot be listed, in words that follow its name.
    pub fn files(&self, path: &str) -> Result<Option<Vec<String>>, String> {
        let listing = match self.dir.read_dir(path) {
            Ok(listing) => listing,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(reason(&error)),
        };
        let mut names = Vec::new();
        for entry in listing {
            let entry = entry.map_err(|error| reason(&error))?;
            if let Ok(name) = entry.file_name().into_string() {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(Some(names))
    }

    /// The files below this folder that a pattern names, by name: `teams/*/fleet.yaml`, `**/*.yaml`,
    /// or one file that may be missing. Folders whose names begin with a dot are passed over.
    ///
    /// # Errors
    ///
    /// A pattern that is none, a folder that cannot be listed, or too many files, in words that
    /// follow the pattern.
    pub fn matching(&self, pattern: &str) -> Result<Vec<String>, String> {
        let pattern = pattern.trim_start_matches("./");
        if !pattern.contains(WILDCARDS) {
            return Ok(vec![pattern.to_owned()]);
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
        let mut found = Vec::new();
        let mut folders = vec![start];
        while let Some(folder) = folders.pop() {
            let listed = if folder.is_empty() { "." } else { &folder };
            for name in self.files(listed)?.unwrap_or_default() {
                let path = match folder.as_str() {
                    "" => name.clone(),
                    folder => format!("{folder}/{name}"),
                };
                if self.is_folder(&path) {
                    if !name.starts_with('.') && path.split('/').count() < deepest {
                        folders.push(path);
                    }
                } else if glob.is_match(&path) {
                    found.push(path);
                }
                if found.len() + folders.len() > MOST_FILES {
                    return Err(format!("names more than {MOST_FILES} files"));
                }
            }
        }
        found.sort_unstable();
        Ok(found)
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
