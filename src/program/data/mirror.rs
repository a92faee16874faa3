//! How a mirror is reached: whose certificates hold, through which proxy, and its URL without its password.

use super::forward::ForwardConnector;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::Path;
use std::time::Duration;
use ureq::http::Uri;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::{Agent, Proxy, ProxyProtocol};

/// How long a mirror may take to connect and to answer: then it is given up.
const TO_CONNECT: Duration = Duration::from_secs(10);
const TO_ANSWER: Duration = Duration::from_secs(20);

/// Where systems keep the certificates that they trust: Debian, Fedora, SUSE, and Alpine and macOS.
const SYSTEM_CERTIFICATES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// What asks for `url` and errors if all has not come after `deadline`.
pub fn agent(url: &str, deadline: Duration) -> Result<Agent> {
    let uri: Uri = url.parse().context("not a URL: expected http://HOST/PATH or https://HOST/PATH")?;
    let certificates = match certificates() {
        Err(error) if uri.scheme_str() == Some("https") => return Err(error),
        certificates => certificates.unwrap_or(RootCerts::WebPki),
    };
    let config = Agent::config_builder()
        .timeout_connect(Some(TO_CONNECT))
        .timeout_recv_response(Some(TO_ANSWER))
        .timeout_global(Some(deadline))
        .tls_config(TlsConfig::builder().root_certs(certificates).build())
        .proxy(proxy(&uri, variable)?);
    Ok(Agent::with_parts(config.build(), ForwardConnector::default(), DefaultResolver::default()))
}

/// A variable of the environment; an empty one counts as unset.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

/// The certificates in `SSL_CERT_FILE` and in the folders of `SSL_CERT_DIR`, as OpenSSL has them, else the system's, else
/// Mozilla's.
fn certificates() -> Result<RootCerts> {
    let read = |path: &Path| -> Result<Vec<Certificate<'static>>> {
        let text = fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let certificate =
            |item| if let Ok(PemItem::Certificate(certificate)) = item { Some(certificate) } else { None };
        let certificates: Vec<_> = parse_pem(&text).filter_map(certificate).collect();
        ensure!(!certificates.is_empty(), "{}: expected certificates in PEM, found none", path.display());
        Ok(certificates)
    };
    let (file, folders) = (variable("SSL_CERT_FILE"), variable("SSL_CERT_DIR"));
    let mut found = match file {
        Some(path) => read(path.as_ref()).context("SSL_CERT_FILE names no certificates")?,
        None => Vec::new(),
    };
    if let Some(folders) = &folders {
        let entries = std::env::split_paths(folders).flat_map(fs::read_dir).flatten().flatten();
        // What else lies there is no fault, and a pipe would be waited for.
        let files = entries.map(|entry| entry.path()).filter(|path| path.is_file());
        found.extend(files.flat_map(|path| read(&path)).flatten());
        ensure!(!found.is_empty(), "SSL_CERT_DIR={folders}: expected folders with certificates in PEM, found none");
    }
    if found.is_empty() {
        found = SYSTEM_CERTIFICATES.iter().find_map(|path| read(path.as_ref()).ok()).unwrap_or_default();
    }
    Ok(if found.is_empty() { RootCerts::WebPki } else { RootCerts::new_with_certs(&found) })
}

/// The proxy for `uri`: by the scheme of the URL, and none for the hosts in `no_proxy`. curl chooses likewise, except that it
/// ignores `HTTP_PROXY` in capitals; this reads it.
fn proxy(uri: &Uri, variable: impl Fn(&str) -> Option<String>) -> Result<Option<Proxy>> {
    let either = |name: &str| variable(name).map(|value| (name.to_owned(), value));
    let any_case = |name: &str| either(name).or_else(|| either(&name.to_uppercase()));
    let by_scheme = format!("{}_proxy", uri.scheme_str().unwrap_or("http"));
    let Some((name, proxy)) = any_case(&by_scheme).or_else(|| any_case("all_proxy")) else { return Ok(None) };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_lowercase();
    let is_direct = |entry: &str| {
        let entry = entry.trim_start_matches('.').to_lowercase();
        entry == "*" || host == entry || (!entry.is_empty() && host.ends_with(&format!(".{entry}")))
    };
    if any_case("no_proxy").is_some_and(|(_, hosts)| hosts.split([',', ' ']).any(is_direct)) {
        return Ok(None);
    }
    let shown = without_password(&proxy, &proxy);
    let parsed = Proxy::new(&proxy).with_context(|| format!("{name} is no proxy's URL: {shown}"))?;
    ensure!(
        matches!(parsed.protocol(), ProxyProtocol::Http | ProxyProtocol::Https),
        "{name}={shown} is a SOCKS proxy, which is not supported: give the URL of an HTTP proxy, or name the host in no_proxy"
    );
    Ok(Some(parsed))
}

/// `text` without the name and the password that stand before the host of `url`.
pub fn without_password(text: &str, url: &str) -> String {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    match after_scheme.rsplit_once('@') {
        Some((secret, _)) if !secret.is_empty() => text.replace(secret, "***"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{proxy, without_password};

    /// The host of the proxy for `url` where the environment has these variables.
    fn chosen(url: &str, variables: &[(&str, &str)]) -> Option<String> {
        let variable =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_string());
        proxy(&url.parse().unwrap(), variable).unwrap().map(|proxy| proxy.host().to_owned())
    }

    #[test]
    fn the_proxy_is_chosen_by_the_scheme_of_the_url_and_not_for_hosts_that_are_excepted() {
        let both = [("http_proxy", "http://plain:3128"), ("HTTPS_PROXY", "secure:3128"), ("no_proxy", "a.org, .b.org")];
        assert_eq!(chosen("http://mirror/x", &both).as_deref(), Some("plain"));
        assert_eq!(chosen("https://mirror/x", &both).as_deref(), Some("secure"));
        assert_eq!(chosen("http://mirror/x", &both[1..]), None);
        for (host, direct) in
            [("a.org", true), ("x.a.org", true), ("B.org", true), ("x.b.org", true), ("aa.org", false)]
        {
            assert_eq!(chosen(&format!("http://{host}:80/x"), &both).is_none(), direct, "{host}");
        }
        assert_eq!(
            chosen("https://m/x", &[("ALL_PROXY", "http://all"), ("https_proxy", "http://s")]).as_deref(),
            Some("s")
        );
        assert_eq!(chosen("https://m/x", &[("ALL_PROXY", "http://all")]).as_deref(), Some("all"));
        assert_eq!(chosen("https://m/x", &[("ALL_PROXY", "http://all"), ("NO_PROXY", "*")]), None);
        let bad = |_: &str| Some("ftp://me:secret@[".to_owned());
        let error =
            format!("{:#}", proxy(&"http://m/x".parse().unwrap(), |n| bad(n).filter(|_| n != "no_proxy")).unwrap_err());
        assert!(error.contains("http_proxy is no proxy's URL: ftp://***@[") && !error.contains("secret"), "{error}");
        for scheme in ["socks", "socks4", "socks4a", "socks5", "socks5h"] {
            let socks = |name: &str| (name == "all_proxy").then(|| format!("{scheme}://me:secret@127.0.0.1:1080"));
            let error = format!("{:#}", proxy(&"http://m/x".parse().unwrap(), socks).unwrap_err());
            let is_refused =
                error.contains("is a SOCKS proxy, which is not supported") || error.contains("is no proxy's URL");
            assert!(is_refused && error.contains("all_proxy") && !error.contains("secret"), "{scheme}: {error}");
        }
    }

    #[test]
    fn a_password_before_the_host_is_not_shown() {
        let url = "http://me:se/c@ret@host/mnist";
        assert_eq!(without_password(&format!("{url}: not found"), url), "http://***@host/mnist: not found");
        assert_eq!(without_password("http://host/mnist", "http://host/mnist"), "http://host/mnist");
    }
}
