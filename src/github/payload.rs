//! The body of a webhook's delivery: JSON, or a form that holds JSON.

use std::borrow::Cow;

use percent_encoding::percent_decode;

use crate::delivery::{self, Content};

/// How GitHub was asked to write the bodies of a webhook. The signature is over the body as it came in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    Json,
    /// `payload=…`, GitHub's default where nobody chose.
    Form,
}

/// Why a body, though rightly signed, tells us nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    #[error(
        "the content type is neither `application/json` nor `application/x-www-form-urlencoded`; choose one at GitHub"
    )]
    ContentType,
    #[error("the body is no UTF-8 text")]
    NotUtf8,
    #[error("the form has no field `payload`")]
    NoPayload,
    #[error("the form has the field `payload` twice")]
    TwoPayloads,
    #[error(transparent)]
    Payload(#[from] delivery::PayloadFault),
}

impl Encoding {
    /// Reads the header `Content-Type`, whatever parameters follow.
    ///
    /// # Errors
    /// [`BodyFault::ContentType`].
    pub fn read(content_type: Option<&[u8]>) -> Result<Self, BodyFault> {
        let content_type = content_type.unwrap_or_default();
        let kind = content_type.split(|byte| *byte == b';').next();
        let kind = kind.unwrap_or_default().trim_ascii();
        if kind.eq_ignore_ascii_case(b"application/json") {
            Ok(Self::Json)
        } else if kind.eq_ignore_ascii_case(b"application/x-www-form-urlencoded") {
            Ok(Self::Form)
        } else {
            Err(BodyFault::ContentType)
        }
    }
}

/// Reads a body whose signature was found right.
///
/// # Errors
/// What is wrong with it; no message repeats a text of the body.
pub fn read(encoding: Encoding, event: &str, body: &[u8]) -> Result<Content, BodyFault> {
    let json = match encoding {
        Encoding::Json => Cow::Borrowed(std::str::from_utf8(body).map_err(|_| BodyFault::NotUtf8)?),
        Encoding::Form => Cow::Owned(form_payload(body)?),
    };
    Ok(delivery::decode(event, &json)?)
}

/// What the field `payload` of a form holds.
///
/// Crates for forms put U+FFFD where a text is no UTF-8; here that is a fault.
fn form_payload(form: &[u8]) -> Result<String, BodyFault> {
    let mut payloads = form
        .split(|byte| *byte == b'&')
        .filter_map(|field| field.strip_prefix(b"payload="));
    let payload = payloads.next().ok_or(BodyFault::NoPayload)?;
    if payloads.next().is_some() {
        return Err(BodyFault::TwoPayloads);
    }
    let mut text = Vec::with_capacity(payload.len());
    for (place, words) in payload.split(|byte| *byte == b'+').enumerate() {
        if place > 0 {
            text.push(b' ');
        }
        text.extend(percent_decode(words));
    }
    String::from_utf8(text).map_err(|_| BodyFault::NotUtf8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, proptest};

    use crate::delivery::Event;

    use super::*;

    const JSON: &str = r#"{"zen":"1 + 1 = 2 & 100 %, ä 🎉","hook_id":1}"#;

    fn form_of(json: &str) -> Vec<u8> {
        let encoded =
            percent_encoding::percent_encode(json.as_bytes(), percent_encoding::NON_ALPHANUMERIC);
        format!("payload={}", encoded.to_string().replace("%20", "+")).into_bytes()
    }

    fn refusal(encoding: Encoding, body: &[u8]) -> String {
        read(encoding, "ping", body).unwrap_err().to_string()
    }

    #[test]
    fn json_and_form_say_the_same() {
        assert_eq!(form_payload(&form_of(JSON)).unwrap(), JSON);
        for (encoding, body) in [
            (Encoding::Json, JSON.as_bytes().to_vec()),
            (Encoding::Form, form_of(JSON)),
            (
                Encoding::Form,
                [b"x=1&".to_vec(), form_of(JSON), b"&payloads=2".to_vec()].concat(),
            ),
        ] {
            assert_eq!(read(encoding, "ping", &body).unwrap().event, Event::Ping);
        }
    }

    #[test]
    fn the_content_type_is_one_of_two() {
        let read = |text: &str| Encoding::read(Some(text.as_bytes()));
        assert_eq!(read("application/json"), Ok(Encoding::Json));
        assert_eq!(read("Application/JSON ; charset=utf-8"), Ok(Encoding::Json));
        assert_eq!(
            read("application/x-www-form-urlencoded"),
            Ok(Encoding::Form)
        );
        for other in ["", "text/json", "application/jsonx", "multipart/form-data"] {
            assert_eq!(
                read(other).unwrap_err().to_string(),
                "the content type is neither `application/json` nor `application/x-www-form-urlencoded`; choose one at GitHub"
            );
        }
        assert_eq!(Encoding::read(None), Err(BodyFault::ContentType));
    }

    #[test]
    fn a_body_that_is_none_is_refused_with_its_reason() {
        let not_utf8 = "the body is no UTF-8 text";
        // Also where it stands in a field that nobody looks at.
        assert_eq!(refusal(Encoding::Json, b"{\"x\":\"\xff\"}"), not_utf8);
        assert_eq!(
            refusal(Encoding::Form, b"payload={\"x\":\"%ff\"}"),
            not_utf8
        );
        assert_eq!(
            refusal(Encoding::Form, b""),
            "the form has no field `payload`"
        );
        assert_eq!(
            refusal(Encoding::Form, JSON.as_bytes()),
            "the form has no field `payload`"
        );
        assert_eq!(
            refusal(Encoding::Form, b"payload={}&payload={}"),
            "the form has the field `payload` twice"
        );
        assert_eq!(
            refusal(Encoding::Json, b"\xef\xbb\xbf{}"),
            "the payload is no JSON, or not all of it: expected value at line 1 column 1"
        );
        assert_eq!(
            refusal(Encoding::Form, b"payload=%7B%2"),
            "the payload is no JSON, or not all of it: key must be a string at line 1 column 2"
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..200),
                header in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = read(Encoding::Json, "push", &body);
            let _ = read(Encoding::Form, "push", &[b"payload=", body.as_slice()].concat());
            let _ = Encoding::read(Some(&header));
            let _ = crate::github::signature::Signature::read(Some(&header));
        }

        #[test]
        fn every_text_comes_back_from_a_form(text in any::<String>()) {
            assert_eq!(form_payload(&form_of(&text)).unwrap(), text);
        }
    }
}
