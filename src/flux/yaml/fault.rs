//! What is wrong with a text as YAML, in words that say how to mend it.

use serde_saphyr::granit_parser::ErrorKind;

use super::Span;

/// How deep mappings and sequences may nest, aliases included.
pub(super) const MAX_DEPTH: usize = 200;

/// Something in a text that is no YAML, or that Flux's reader and others would not take alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub span: Span,
    /// What is wrong: starts small, no full stop, names the thing in backticks.
    pub message: String,
    /// How to mend it, in the same form.
    pub hint: Option<String>,
    /// Nothing behind it was read.
    pub ends_text: bool,
}

impl Fault {
    pub(super) fn new(span: Span, message: impl Into<String>) -> Self {
        Self {
            span,
            message: message.into(),
            hint: None,
            ends_text: false,
        }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn tab(span: Span) -> Self {
        Self::new(
            span,
            "a tab stands in the indentation, where YAML takes only spaces",
        )
        .hint("indent with spaces")
    }

    pub(super) fn speaks_of_tabs(kind: &ErrorKind) -> bool {
        matches!(
            kind,
            ErrorKind::TabNotAllowed
                | ErrorKind::TabInBlockIndentation
                | ErrorKind::TabInIndentation
                | ErrorKind::TabAtBlockScalarStart
                | ErrorKind::TabInPlainScalar
        )
    }

    /// Says what the parser stumbled over.
    pub(super) fn syntax(span: Span, kind: &ErrorKind) -> Self {
        let (message, hint) = explain(kind);
        Self {
            hint: hint.map(str::to_owned),
            ..Self::new(span, message)
        }
    }
}

fn explain(kind: &ErrorKind) -> (String, Option<&'static str>) {
    use ErrorKind as K;
    let (message, hint) = match kind {
        _ if Fault::speaks_of_tabs(kind) => (
            "a tab stands where YAML takes only spaces",
            Some("indent with spaces"),
        ),
        K::MappingValueNotAllowed => (
            "a `:` stands where no value can follow",
            Some(
                "quote a value that holds `: `; otherwise the line is indented wrongly or the one before it lacks its `:`",
            ),
        ),
        K::ExpectedBlockMappingKey => (
            "a key was expected here",
            Some("indent the line like the keys that it belongs to, and write it as `key: value`"),
        ),
        K::SimpleKeyExpected | K::InvalidSimpleKey => (
            "a key here has no `:` behind it on the same line",
            Some("write it as `key: value`"),
        ),
        K::InvalidIndentation | K::InvalidFlowScalarIndent | K::InvalidBlockScalarIndent => (
            "the indentation fits nothing above it",
            Some("indent the line like those that it belongs to"),
        ),
        K::BlockSequenceEntryNotAllowed => (
            "an item (`- `) stands where no list can be",
            Some("put the list on lines of its own below its key"),
        ),
        K::ExpectedFlowMappingSeparator | K::ExpectedFlowSequenceSeparator => (
            "a `,` or the closing bracket is missing before this",
            Some("put it there; a text that starts with a bracket needs quotes"),
        ),
        K::InvalidQuotedScalarIndent => (
            "a text in quotes goes on here, in a line that is not indented",
            Some("close the quote above, or indent the line"),
        ),
        K::UnclosedQuotedScalar => (
            "a quote is opened here and never closed",
            Some("close it, or write the text without quotes"),
        ),
        K::UnclosedFlowCollection { open } => {
            return (
                format!("`{open}` is opened here and never closed"),
                Some("close it; a text that starts with it needs quotes"),
            );
        }
        K::MismatchedFlowCollectionEnd { open, close } => {
            return (
                format!("`{open}` is closed by `{close}`"),
                Some("close each bracket with its own kind"),
            );
        }
        K::MisplacedFlowCollectionEnd => (
            "a bracket is closed here that was never opened",
            Some("remove it, or quote the text that it belongs to"),
        ),
        K::InvalidTrailingSingleQuotedScalar | K::InvalidTrailingDoubleQuotedScalar => (
            "text follows the closing quote",
            Some(
                "put all of it inside the quotes; a quote within is doubled in '…' and written `\\\"` in \"…\"",
            ),
        ),
        K::UnknownQuotedScalarEscape => (
            "the text in double quotes holds an unknown escape",
            Some("write `\\\\` for a backslash, or use single quotes"),
        ),
        K::UnexpectedCharacter { character } if matches!(character, '@' | '`' | '%') => {
            return (
                format!("a text without quotes cannot start with `{character}`"),
                Some("quote it"),
            );
        }
        K::UnexpectedCharacter { character } => {
            return (
                format!(
                    "the character {} cannot stand here",
                    character.escape_unicode()
                ),
                Some("remove it, or write it as an escape within double quotes"),
            );
        }
        K::BomInsideDocument => (
            "a byte order mark stands within the text",
            Some("remove it; it is taken only at the very start"),
        ),
        K::RecursionLimitExceeded => return (too_deep(), Some(NEST_LESS)),
        K::DirectiveDisallowed => (
            "a directive (`%…`) is not read here",
            Some("remove the line"),
        ),
        K::UndeclaredTagHandle => ("a tag (`!…`) has no meaning here", Some("remove it")),
        K::CommentNotSeparated => (
            "a comment needs a space before its `#`",
            Some("put a space before it, or quote the text"),
        ),
        other => {
            return (
                format!("this is no YAML: {other}"),
                Some("quote the text, or write it in another form"),
            );
        }
    };
    (message.to_owned(), hint)
}

const NEST_LESS: &str = "nest less, or write an alias out";

impl Fault {
    pub(super) fn too_deep(span: Span) -> Self {
        Self::new(span, too_deep()).hint(NEST_LESS)
    }
}

fn too_deep() -> String {
    format!("the nesting is deeper than {} levels", MAX_DEPTH)
}
