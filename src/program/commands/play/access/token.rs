//! The token in the page's link, where other machines are answered: who does not bring it is refused.

use anyhow::{Context, Result};
use axum::http::{HeaderMap, Uri, header};
use std::fmt::{self, Display, Formatter};

/// Where the token stands in the link.
const NAME: &str = "token=";

/// 128 random bits in hexadecimal digits.
pub struct Token(String);

impl Display for Token {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        write!(f, "{NAME}{}", self.0)
    }
}

impl Token {
    pub fn random() -> Result<Self> {
        let mut bits = [0; 16];
        getrandom::fill(&mut bits).context("the system gives no random numbers, which --host needs")?;
        Ok(Self(format!("{:032x}", u128::from_ne_bytes(bits))))
    }

    /// It takes as long for each that is wrong: nobody can try it digit by digit.
    fn is(&self, given: &str) -> bool {
        let differences = self.0.bytes().zip(given.bytes()).fold(0, |before, (own, given)| before | (own ^ given));
        self.0.len() == given.len() && differences == 0
    }

    pub fn is_in_query(&self, uri: &Uri) -> bool {
        let mut parts = uri.query().unwrap_or_default().split('&');
        parts.any(|part| part.strip_prefix(NAME).is_some_and(|given| self.is(given)))
    }

    /// Cookies belong to a machine, not to a port: each port's has a name of its own.
    pub fn is_in_cookie(&self, headers: &HeaderMap, port: u16) -> bool {
        let name = format!("play-{port}=");
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
        cookies.flat_map(|cookies| cookies.split(';')).any(|cookie| {
            let given = cookie.trim().strip_prefix(&name);
            given.is_some_and(|given| self.is(given))
        })
    }

    /// What the browser is to bring from now on, when the page itself asks and nobody else.
    pub fn cookie(&self, port: u16) -> String {
        format!("play-{port}={}; Path=/; HttpOnly; SameSite=Strict", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_another_each_time_and_nothing_but_the_whole_of_it_is_let_in() {
        let [token, other] = [Token::random().unwrap(), Token::random().unwrap()];
        assert!(token.0.len() == 32 && token.0 != other.0);
        assert!(token.is(&token.0));
        for wrong in ["", &token.0[1..], &token.0[..31], &format!("{}0", token.0), &other.0] {
            assert!(!token.is(wrong), "{wrong}");
        }
    }
}
