//! The first lines of every file that we write: whose it is, and what it was made from.

use super::layout::Place;

const MARKER: &str = "# flux-setup: ";
/// Longest first line that can be a marker: three names of 63 bytes and what stands around them.
pub(super) const MARKER_LIMIT_BYTES: usize = 256;

/// Writes the first lines. `made_from` names files of the configuration, in the order given.
pub(super) fn write(place: &Place, made_from: &[&str], out: &mut Vec<u8>) {
    out.extend_from_slice(format!("{MARKER}{place}\n").as_bytes());
    if !made_from.is_empty() {
        let line = format!(
            "# made from {}; change those and render again\n",
            made_from.join(", ").replace(ends_a_line, " ")
        );
        out.extend_from_slice(line.as_bytes());
    }
}

/// What ends a comment for some reader, or is refused in one.
fn ends_a_line(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{2028}' | '\u{2029}' | '\u{FEFF}' | '\u{FFFE}' | '\u{FFFF}'
        )
}

/// Whose file it is, by its first bytes; `None` for a file of somebody else, and where the first line
/// is longer than any of ours.
pub(super) fn read(start: &[u8]) -> Option<Place> {
    let line = start.split(|byte| *byte == b'\n').next()?;
    if line.len() >= MARKER_LIMIT_BYTES {
        return None;
    }
    let text = std::str::from_utf8(line).ok()?;
    Place::read(text.strip_prefix(MARKER)?.trim_end())
}

/// Whose file a text is, by its first line; `None` for one of somebody else.
pub fn marker_of(text: &str) -> Option<Place> {
    read(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::super::layout::Place;
    use super::{read, write};

    #[test]
    fn a_marker_is_read_as_it_was_written() {
        for cluster in [None, Some("prod-eu".into())] {
            let place = Place {
                environment: "production".into(),
                cluster,
                project: "web".into(),
            };
            let mut out = Vec::new();
            write(
                &place,
                &["flux-setup.yaml", "environments/production.yaml"],
                &mut out,
            );
            assert_eq!(read(&out), Some(place));
        }
    }

    #[test]
    fn names_of_files_end_no_comment() {
        let place = Place {
            environment: "dev".into(),
            cluster: None,
            project: "web".into(),
        };
        let mut out = Vec::new();
        let name = "a\nb\rc\u{85}d\u{2028}e\u{2029}f\u{feff}g.yaml";
        write(&place, &[name], &mut out);
        assert_eq!(
            String::from_utf8_lossy(&out),
            "# flux-setup: dev/-/web\n# made from a b c d e f g.yaml; change those and render again\n"
        );
    }

    #[test]
    fn other_first_lines_are_no_marker() {
        for text in [
            "",
            "# flux-setup",
            "# flux-setup: a/b",
            "# flux-setup: a/b/c/d",
            "a: b",
        ] {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
    }
}
