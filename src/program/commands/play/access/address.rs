//! The address at which the page is served: this machine's own, or one at which others on the network find it.

use anyhow::{Context, Result};
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use tokio::net::TcpListener;

/// What is given as `--host`.
pub fn host(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| {
        "expected an address of this machine, such as 192.168.1.20, or 0.0.0.0 for all its addresses".into()
    })
}

pub async fn listen(host: IpAddr, port: u16) -> Result<TcpListener> {
    TcpListener::bind((host, port)).await.map_err(|error| {
        let what = match error.kind() {
            ErrorKind::AddrNotAvailable => {
                format!(
                    "{host} is not an address of this machine: give --host one of its addresses, or 0.0.0.0 for all"
                )
            }
            _ => format!("port {port} cannot be used on {host}: give another --port, or 0 for a free one"),
        };
        anyhow::Error::new(error).context(what)
    })
}

/// The address for a browser: where `listening` is on all that this machine has, that at which the network sees it.
pub fn to_visit(mut listening: SocketAddr) -> Result<SocketAddr> {
    if listening.ip().is_unspecified() {
        let ip = seen_by_others(listening.ip());
        listening
            .set_ip(ip.context("this machine is on no network: give --host the address at which others reach it")?);
    }
    Ok(listening)
}

/// The address from which this machine would send to another. A UDP socket that is connected has it, and sends nothing.
fn seen_by_others(any: IpAddr) -> Option<IpAddr> {
    // Addresses for documentation, which nobody has.
    let elsewhere = if any.is_ipv4() { "192.0.2.1:9" } else { "[2001:db8::1]:9" };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(elsewhere).ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|ip| !ip.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_to_visit_is_one_that_a_browser_can_go_to() {
        for given in ["127.0.0.1:7828", "[::1]:80"] {
            assert_eq!(to_visit(given.parse().unwrap()).unwrap().to_string(), given);
        }
        // Where there is no network there is none, and the error says what to do.
        match to_visit("0.0.0.0:7828".parse().unwrap()) {
            Ok(address) => assert!(!address.ip().is_unspecified() && address.port() == 7828, "{address}"),
            Err(error) => assert!(error.to_string().contains("give --host the address"), "{error}"),
        }
    }
}
