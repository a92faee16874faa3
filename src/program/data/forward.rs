//! http:// through a proxy. ureq would have the proxy open a tunnel, which many do for https alone; here the proxy is asked for
//! the file itself, as curl does it.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::io;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, DefaultConnector};
use ureq::unversioned::transport::{NextTimeout, TcpConnector, Transport};
use ureq::{Error, Proxy, ProxyProtocol};

/// ureq's connector, but for http:// through a proxy.
#[derive(Debug, Default)]
pub struct ForwardConnector(DefaultConnector);

impl Connector for ForwardConnector {
    type Out = Box<dyn Transport>;

    fn connect(&self, details: &ConnectionDetails, chained: Option<()>) -> Result<Option<Self::Out>, Error> {
        let forwards = |proxy: &&Proxy| proxy.protocol() == ProxyProtocol::Http && !details.needs_tls();
        let Some(proxy) = details.config.proxy().filter(forwards) else { return self.0.connect(details, chained) };
        let to_proxy = ConnectionDetails {
            uri: proxy.uri(),
            addrs: details.resolver.resolve(proxy.uri(), details.config, details.timeout)?,
            current_time: details.current_time.clone(),
            run_connector: details.run_connector.clone(),
            register_shutdown: details.register_shutdown.clone(),
            ..*details
        };
        let authority = details.uri.authority().map_or("", |authority| authority.as_str());
        let host = authority.rsplit('@').next().unwrap_or_default().to_owned();
        let login = match (proxy.username(), proxy.password()) {
            (None, None) => String::new(),
            (name, password) => {
                let login = format!("{}:{}", name.unwrap_or_default(), password.unwrap_or_default());
                format!("\r\nProxy-Authorization: Basic {}", BASE64_STANDARD.encode(login))
            }
        };
        let tcp = TcpConnector::default().connect(&to_proxy, chained)?;
        Ok(tcp.map(|tcp| -> Self::Out { Box::new(Forwarded { tcp, host, login }) }))
    }
}

/// A connection to the proxy.
#[derive(Debug)]
struct Forwarded<T> {
    tcp: T,
    host: String,
    login: String,
}

impl<T: Transport> Transport for Forwarded<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.tcp.buffers()
    }

    /// What is sent is the head of a request, whole, and no body follows: a download is a GET.
    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let output = self.tcp.buffers().output();
        let head = String::from_utf8_lossy(&output[..amount]);
        let head = head.replacen(" /", &format!(" http://{}/", self.host), 1);
        let head = head.replacen("\r\n", &format!("{}\r\n", self.login), 1);
        let room = output.get_mut(..head.len()).ok_or_else(|| io::Error::other("the URL is too long"))?;
        room.copy_from_slice(head.as_bytes());
        self.tcp.transmit_output(head.len(), timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.tcp.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.tcp.is_open()
    }
}
