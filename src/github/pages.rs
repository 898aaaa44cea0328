//! Reads an answer that has several pages, one after the other.

use super::answer::Answer;
use super::call::Call;
use super::client::Client;
use super::fault::CallFault;

/// The pages of an answer. Each is asked for when it is wanted.
#[derive(Debug)]
pub struct Pages {
    client: Client,
    /// `None`: the last one was read.
    call: Option<Call>,
    read: usize,
    limit: usize,
}

impl Client {
    /// Reads a call page by page, at most `limit` of them.
    pub fn pages(&self, call: Call, limit: usize) -> Pages {
        Pages {
            client: self.clone(),
            call: Some(call),
            read: 0,
            limit,
        }
    }
}

impl Pages {
    /// The next page; `None` after the last one. After a fault the same page is asked for again.
    ///
    /// # Errors
    /// As of [`Client::call`], and that there are more pages than are read.
    pub async fn next(&mut self) -> Result<Option<Answer>, CallFault> {
        let Some(call) = &self.call else {
            return Ok(None);
        };
        if self.read == self.limit {
            return Err(CallFault::TooManyPages { limit: self.limit });
        }
        let answer = self.client.call(call.clone()).await?;
        self.read += 1;
        self.call = answer.next.clone().map(|path| Call {
            path,
            ..call.clone()
        });
        Ok(Some(answer))
    }
}
