//! Cuts a list into its objects while its bytes arrive, so that it is never held as a whole.

/// An object of a list, or a line of a watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'p> {
    Whole(&'p [u8]),
    /// It was longer than it may be and was passed over.
    TooLong,
}

/// What of a list is no object may take so much.
const REST_LIMIT_BYTES: usize = 64 * 1024;
/// `{"items":[` is open.
const ITEM_DEPTH: usize = 2;

/// Reads a list of the API server byte by byte.
///
/// That it is JSON is not checked: who reads the objects and the rest finds out.
#[derive(Debug)]
pub struct Items {
    limit: usize,
    depth: usize,
    in_string: bool,
    is_escaped: bool,
    in_items: bool,
    object: Vec<u8>,
    is_too_long: bool,
    rest: Vec<u8>,
}

impl Items {
    /// Objects that are longer are passed over.
    pub fn new(limit_bytes: usize) -> Self {
        Self {
            limit: limit_bytes,
            depth: 0,
            in_string: false,
            is_escaped: false,
            in_items: false,
            object: Vec::new(),
            is_too_long: false,
            rest: Vec::new(),
        }
    }

    /// Takes the next bytes and tells of each object that ends in them.
    pub fn read(&mut self, bytes: &[u8], tell: &mut impl FnMut(Piece<'_>)) {
        let mut from = 0;
        for (at, &byte) in bytes.iter().enumerate() {
            if self.in_string {
                match byte {
                    _ if self.is_escaped => self.is_escaped = false,
                    b'\\' => self.is_escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' => self.depth += 1,
                b'[' => {
                    self.depth += 1;
                    if self.depth == ITEM_DEPTH && !self.in_items {
                        self.keep(&bytes[from..at]);
                        from = at;
                        if self.is_after_items_key() {
                            self.keep(b"[");
                            self.in_items = true;
                            from = at + 1;
                        }
                    }
                }
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.in_items && self.depth < ITEM_DEPTH {
                        self.keep(&bytes[from..at]);
                        self.end_object(tell);
                        self.in_items = false;
                        from = at;
                    } else if self.in_items && self.depth == ITEM_DEPTH {
                        self.keep(&bytes[from..=at]);
                        self.end_object(tell);
                        from = at + 1;
                    }
                }
                b',' if self.in_items && self.depth == ITEM_DEPTH => {
                    self.keep(&bytes[from..at]);
                    self.end_object(tell);
                    from = at + 1;
                }
                _ => {}
            }
        }
        self.keep(&bytes[from..]);
    }

    /// The list without its objects, once all was read.
    pub fn into_rest(self) -> Vec<u8> {
        self.rest
    }

    fn keep(&mut self, bytes: &[u8]) {
        let (kept, limit) = if self.in_items {
            (&mut self.object, self.limit)
        } else {
            (&mut self.rest, REST_LIMIT_BYTES)
        };
        if kept.len() + bytes.len() <= limit {
            kept.extend_from_slice(bytes);
        } else if self.in_items {
            self.is_too_long = true;
        }
    }

    fn end_object(&mut self, tell: &mut impl FnMut(Piece<'_>)) {
        if std::mem::take(&mut self.is_too_long) {
            tell(Piece::TooLong);
        } else if !self.object.trim_ascii().is_empty() {
            tell(Piece::Whole(self.object.trim_ascii()));
        }
        self.object.clear();
    }

    fn is_after_items_key(&self) -> bool {
        let before = self.rest.trim_ascii_end();
        let key = before.strip_suffix(b":").map(<[u8]>::trim_ascii_end);
        key.is_some_and(|key| key.ends_with(b"\"items\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The objects and the rest of a list that arrives in pieces of `size` bytes.
    fn cut(list: &str, size: usize, limit: usize) -> (Vec<String>, String) {
        let mut items = Items::new(limit);
        let mut found = Vec::new();
        for bytes in list.as_bytes().chunks(size) {
            items.read(bytes, &mut |piece| {
                found.push(match piece {
                    Piece::Whole(object) => String::from_utf8(object.to_vec()).unwrap(),
                    Piece::TooLong => "too long".to_owned(),
                });
            });
        }
        (found, String::from_utf8(items.into_rest()).unwrap())
    }

    #[test]
    fn a_list_is_cut_alike_wherever_its_bytes_are_split() {
        let list = r#"{"kind":"List","metadata":{"items":[1],"resourceVersion":"7"},
            "items" : [ {"a":["x]}",{"b":"\"}"}]}, {} ,{"items":[{}]}, null ],"more":["]"]}"#;
        let expected = vec![
            r#"{"a":["x]}",{"b":"\"}"}]}"#.to_owned(),
            "{}".to_owned(),
            r#"{"items":[{}]}"#.to_owned(),
            "null".to_owned(),
        ];
        for size in 1..=list.len() {
            let (found, rest) = cut(list, size, 1000);
            assert_eq!(found, expected, "{size}");
            let rest: serde_json::Value = serde_json::from_str(&rest).unwrap();
            assert_eq!(rest["items"], serde_json::json!([]));
            assert_eq!(rest["metadata"]["resourceVersion"], "7");
            assert_eq!(rest["more"][0], "]");
        }
    }

    #[test]
    fn an_object_that_is_too_long_is_passed_over_and_the_next_is_not() {
        let list = r#"{"items":[{"a":"12345"},{"b":1}]}"#;
        for size in 1..=list.len() {
            let (found, _) = cut(list, size, 8);
            assert_eq!(found, ["too long", r#"{"b":1}"#], "{size}");
        }
    }

    #[test]
    fn a_list_without_items_has_none() {
        for list in [
            r#"{"items":null,"metadata":{}}"#,
            r#"{"items":[]}"#,
            "",
            "]}]",
        ] {
            assert_eq!(cut(list, 1, 10).0, [""; 0], "{list}");
        }
    }

    #[test]
    fn what_surrounds_the_objects_is_bounded() {
        let list = format!(r#"{{"metadata":"{}"}}"#, "x".repeat(2 * REST_LIMIT_BYTES));
        assert!(cut(&list, 1000, 10).1.len() <= REST_LIMIT_BYTES);
    }
}
