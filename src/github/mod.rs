//! All that is GitHub's: the only room that knows how GitHub signs, encodes and answers.

pub mod payload;
pub mod signature;
