//! Versions and operators as they are written, before it is known whether they make sense.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    Tilde,
    Caret,
}

/// A version as it was written: one to three parts, digits or a wildcard.
pub(super) struct Written<'text> {
    pub(super) parts: Vec<&'text str>,
    pub(super) prerelease: &'text str,
}

pub(super) struct Scanner<'text> {
    pub(super) rest: &'text str,
}

impl<'text> Scanner<'text> {
    pub(super) fn take(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'text str {
        let end = self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// Whether there was any.
    pub(super) fn skip_space(&mut self) -> bool {
        !self
            .take_while(|c| matches!(c, ' ' | '\t' | '\n' | '\x0C' | '\r'))
            .is_empty()
    }

    pub(super) fn operator(&mut self) -> Option<Operator> {
        const OPERATORS: [(&str, Operator); 11] = [
            ("!=", Operator::NotEqual),
            (">=", Operator::GreaterOrEqual),
            ("=>", Operator::GreaterOrEqual),
            ("<=", Operator::LessOrEqual),
            ("=<", Operator::LessOrEqual),
            ("~>", Operator::Tilde),
            ("=", Operator::Equal),
            (">", Operator::Greater),
            ("<", Operator::Less),
            ("~", Operator::Tilde),
            ("^", Operator::Caret),
        ];
        let (_, operator) = OPERATORS.iter().find(|(text, _)| self.take(text))?;
        Some(*operator)
    }

    pub(super) fn version(&mut self) -> Option<Written<'text>> {
        self.take("v");
        let part = |c: char| c.is_ascii_digit() || matches!(c, 'x' | 'X' | '*');
        let mut parts = vec![self.take_while(part)];
        if parts[0].is_empty() {
            return None;
        }
        while parts.len() < 3 && follows(self.rest, '.', part) {
            self.rest = &self.rest[1..];
            parts.push(self.take_while(part));
        }
        let prerelease = self.identifiers('-');
        self.identifiers('+');
        Some(Written { parts, prerelease })
    }

    /// A prerelease or metadata: identifiers with dots between.
    fn identifiers(&mut self, mark: char) -> &'text str {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if !follows(self.rest, mark, allowed) {
            return "";
        }
        let start = &self.rest[1..];
        self.rest = start;
        self.take_while(allowed);
        while follows(self.rest, '.', allowed) {
            self.rest = &self.rest[1..];
            self.take_while(allowed);
        }
        &start[..start.len() - self.rest.len()]
    }

    /// The upper end of `1.2 - 1.4.5`, which is part of it.
    pub(super) fn range_end(&mut self) -> Option<Written<'text>> {
        let before = self.rest;
        if self.skip_space()
            && self.take("-")
            && self.skip_space()
            && let Some(version) = self.version()
        {
            return Some(version);
        }
        self.rest = before;
        None
    }
}

/// Whether a text goes on with `mark` and then a character of a kind.
fn follows(text: &str, mark: char, kind: impl Fn(char) -> bool) -> bool {
    text.strip_prefix(mark)
        .and_then(|rest| rest.chars().next())
        .is_some_and(kind)
}
