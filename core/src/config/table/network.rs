//! Parameters of the network: addresses, ports, sockets and the threads that serve them.

use super::INT_MAX;
use crate::config::Param;
use crate::config::lists::ADDRESSES;

crate::params! {
    "Network", after 0;

    /// The addresses to listen on. One with a `-` before it may be missing on this machine; `*`
    /// stands for all addresses of IPv4, `::*` for those of IPv6.
    BIND = Param::list("bind", "* -::*", &ADDRESSES);
    /// The address that outgoing connections (to a primary) come from.
    BIND_SOURCE_ADDR = Param::text("bind-source-addr", "").later();
    /// The TCP port; 0 listens on none.
    PORT = Param::int("port", "6379", 0, 65535);
    /// Refuse connections from other machines as long as there is no password and `bind` was not
    /// set.
    PROTECTED_MODE = Param::bool("protected-mode", "yes");
    /// How many connections may wait to be accepted. The kernel has a limit of its own.
    TCP_BACKLOG = Param::int("tcp-backlog", "511", 0, INT_MAX).immutable();
    /// Ask a silent peer for a sign of life after this many seconds; 0 never does.
    TCP_KEEPALIVE = Param::int("tcp-keepalive", "300", 0, INT_MAX);
    /// A mark for listening sockets (`SO_MARK`), for packet filters.
    SOCKET_MARK_ID = Param::unsigned("socket-mark-id", "0", 0, super::UINT_MAX).immutable().later();
    /// The path of a Unix socket to listen on; nothing for none.
    UNIXSOCKET = Param::text("unixsocket", "").immutable();
    /// The mode of the Unix socket; 0 leaves it to the umask.
    UNIXSOCKETPERM = Param::octal("unixsocketperm", "0", 0o777).immutable();
    /// How many threads serve connections and run their commands; 0 is one for each processor.
    IO_THREADS = Param::int("io-threads", "0", 0, 128).alias("threads").immutable();
    /// While processors are short, connections gather on fewer of the `io-threads`; when some are
    /// idle again and the threads in use are busy, more of them are used.
    IO_THREADS_ADAPTIVE = Param::bool("io-threads-adaptive", "yes");
    /// How many connections a thread accepts before it goes on serving others.
    MAX_NEW_CONNECTIONS = Param::unsigned("max-new-connections-per-cycle", "10", 1, 1000).later();
    /// The same for TLS, whose handshakes are dear.
    MAX_NEW_TLS_CONNECTIONS =
        Param::unsigned("max-new-tls-connections-per-cycle", "1", 1, 1000).later();
}
