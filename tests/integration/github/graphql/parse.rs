//! Reads a query into a tree.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::Fault;
use super::lex::{Place, Word, words};
use super::tree::{DEPTH, Field, Given, Operation, Selection, Variable, put};

struct Reader {
    words: Vec<(Word, Place)>,
    at: usize,
}

type Read<T> = Result<T, Fault>;

/// Reads the operation that is to be run.
///
/// # Errors
/// The error of a query that is none, or that has no such operation.
pub fn operation(query: &str, wanted: Option<&str>) -> Read<Operation> {
    let words = words(query).map_err(|place| parse_error("unknown_char", place))?;
    let mut reader = Reader { words, at: 0 };
    let mut operations = Vec::new();
    let mut fragments = HashMap::new();
    while reader.peek().is_some() {
        if reader.takes_name("fragment") {
            let (name, _) = reader.name()?;
            if !reader.takes_name("on") {
                return Err(reader.fault());
            }
            let (kind, place) = reader.name()?;
            let selections = reader.selections(0)?;
            let fragment = Selection::On {
                kind: Some(kind),
                selections,
                place,
            };
            fragments.insert(name, fragment);
        } else {
            operations.push(reader.operation()?);
        }
    }
    let mut fitting = operations.into_iter();
    let found = match wanted {
        Some(wanted) => fitting.find(|it| it.name.as_deref() == Some(wanted)),
        None => match (fitting.next(), fitting.next()) {
            (Some(only), None) => Some(only),
            _ => None,
        },
    };
    let mut found = found.ok_or_else(|| json!({"message": "An operation name is required"}))?;
    found.selections = put(found.selections, &fragments, 0)?;
    Ok(found)
}

fn parse_error(what: &str, place: Place) -> Fault {
    let message = format!(
        "Parse error on {what:?} at [{}, {}]",
        place.line, place.column
    );
    json!({"message": message, "locations": place.json()})
}

impl Reader {
    fn peek(&self) -> Option<&Word> {
        self.words.get(self.at).map(|(word, _)| word)
    }

    fn place(&self) -> Place {
        let word = self.words.get(self.at).or(self.words.last());
        word.map_or(Place { line: 1, column: 1 }, |(_, place)| *place)
    }

    fn fault(&self) -> Fault {
        let word = match self.peek() {
            None => "end of file".to_owned(),
            Some(Word::Name(text) | Word::Text(text)) => text.clone(),
            Some(Word::Mark(mark)) => mark.to_string(),
            Some(Word::Number(number)) => number.to_string(),
        };
        parse_error(&word, self.place())
    }

    fn takes(&mut self, mark: char) -> bool {
        let found = self.peek() == Some(&Word::Mark(mark));
        self.at += usize::from(found);
        found
    }

    fn takes_name(&mut self, name: &str) -> bool {
        let found = matches!(self.peek(), Some(Word::Name(it)) if it == name);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, mark: char) -> Read<()> {
        if self.takes(mark) {
            Ok(())
        } else {
            Err(self.fault())
        }
    }

    fn name(&mut self) -> Read<(String, Place)> {
        let place = self.place();
        let Some(Word::Name(name)) = self.peek().cloned() else {
            return Err(self.fault());
        };
        self.at += 1;
        Ok((name, place))
    }

    fn operation(&mut self) -> Read<Operation> {
        let mut operation = Operation {
            is_mutation: false,
            name: None,
            variables: Vec::new(),
            selections: Vec::new(),
        };
        if self.peek() != Some(&Word::Mark('{')) {
            operation.is_mutation = self.takes_name("mutation");
            if !operation.is_mutation && !self.takes_name("query") {
                return Err(self.fault());
            }
            if let Some(Word::Name(_)) = self.peek() {
                operation.name = Some(self.name()?.0);
            }
            if self.takes('(') {
                while !self.takes(')') {
                    operation.variables.push(self.variable()?);
                }
            }
        }
        operation.selections = self.selections(0)?;
        Ok(operation)
    }

    fn variable(&mut self) -> Read<Variable> {
        let place = self.place();
        self.expect('$')?;
        let (name, _) = self.name()?;
        self.expect(':')?;
        let kind = self.kind()?;
        let default = match self.takes('=') {
            false => None,
            true => match self.given(0)? {
                Given::Literal(value) => Some(value),
                Given::Enum(name) => Some(name.into()),
                _ => return Err(self.fault()),
            },
        };
        Ok(Variable {
            name,
            kind,
            default,
            place,
        })
    }

    fn kind(&mut self) -> Read<String> {
        let mut kind = if self.takes('[') {
            let inner = self.kind()?;
            self.expect(']')?;
            format!("[{inner}]")
        } else {
            self.name()?.0
        };
        if self.takes('!') {
            kind.push('!');
        }
        Ok(kind)
    }

    fn selections(&mut self, depth: usize) -> Read<Vec<Selection>> {
        if depth > DEPTH {
            return Err(self.fault());
        }
        self.expect('{')?;
        let mut selections = Vec::new();
        while !self.takes('}') {
            selections.push(self.selection(depth)?);
        }
        // `{}` is no selection.
        if selections.is_empty() {
            Err(self.fault())
        } else {
            Ok(selections)
        }
    }

    fn selection(&mut self, depth: usize) -> Read<Selection> {
        let place = self.place();
        if self.takes('.') {
            let is_named = matches!(self.peek(), Some(Word::Name(name)) if name != "on");
            if is_named {
                return Ok(Selection::Spread(self.name()?.0, place));
            }
            let kind = match self.takes_name("on") {
                true => Some(self.name()?.0),
                false => None,
            };
            let selections = self.selections(depth + 1)?;
            return Ok(Selection::On {
                kind,
                selections,
                place,
            });
        }
        let (mut name, _) = self.name()?;
        let mut alias = None;
        if self.takes(':') {
            alias = Some(name);
            name = self.name()?.0;
        }
        let mut arguments = Vec::new();
        if self.takes('(') {
            while !self.takes(')') {
                let (argument, _) = self.name()?;
                self.expect(':')?;
                arguments.push((argument, self.given(0)?));
            }
        }
        let selections = match self.peek() {
            Some(Word::Mark('{')) => self.selections(depth + 1)?,
            _ => Vec::new(),
        };
        Ok(Selection::Field(Field {
            alias,
            name,
            arguments,
            selections,
            place,
        }))
    }

    fn given(&mut self, depth: usize) -> Read<Given> {
        if depth > DEPTH {
            return Err(self.fault());
        }
        if self.takes('$') {
            return Ok(Given::Variable(self.name()?.0));
        }
        if self.takes('[') {
            let mut list = Vec::new();
            while !self.takes(']') {
                list.push(self.given(depth + 1)?);
            }
            return Ok(Given::List(list));
        }
        if self.takes('{') {
            let mut object = Vec::new();
            while !self.takes('}') {
                let (key, _) = self.name()?;
                self.expect(':')?;
                object.push((key, self.given(depth + 1)?));
            }
            return Ok(Given::Object(object));
        }
        let given = match self.peek() {
            Some(Word::Number(number)) => Given::Literal(number.clone()),
            Some(Word::Text(text)) => Given::Literal(text.clone().into()),
            Some(Word::Name(name)) => match name.as_str() {
                "true" => Given::Literal(true.into()),
                "false" => Given::Literal(false.into()),
                "null" => Given::Literal(Value::Null),
                name => Given::Enum(name.to_owned()),
            },
            _ => return Err(self.fault()),
        };
        self.at += 1;
        Ok(given)
    }
}
