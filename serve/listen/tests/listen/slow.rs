//! Clients that drip, stall, break off or speak something else.

use crate::support::{Client2, Server, get_request, raw};
use listen::{Guard, Options};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

const SOON: Duration = Duration::from_millis(300);

async fn impatient() -> Server {
    let options = Options {
        head_timeout: SOON,
        write_timeout: SOON,
        idle_timeout: SOON,
        ..Options::default()
    };
    Server::start(Guard::default(), options).await
}

#[tokio::test]
async fn whoever_begins_and_does_not_end_is_answered_and_whoever_says_nothing_is_not() {
    let server = impatient().await;
    for begun in ["P", "PRI * HT", "GET /healthz HTTP/1.1\r\nhost:"] {
        let said = raw(&server, begun.as_bytes()).await;
        assert!(said.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{begun}: {said}");
        assert!(said.ends_with("\"the request did not arrive within 0 s\"\n}"), "{begun}: {said}");
    }
    let start = Instant::now();
    assert_eq!(raw(&server, b"").await, "");
    assert!(start.elapsed() >= SOON);
}

#[tokio::test]
async fn a_drip_does_not_buy_time() {
    let server = impatient().await;
    let mut stream = server.connect().await;
    let start = Instant::now();
    for byte in b"GET /healthz HTTP/1.1\r\nx: yyyyyyyyyyyyyyyyyyyyyyyyyy".iter().cycle() {
        if stream.write_all(&[*byte]).await.is_err() {
            break;
        }
        sleep(Duration::from_millis(20)).await;
        assert!(start.elapsed() < Duration::from_secs(5), "still open");
    }
}

#[tokio::test]
async fn what_is_neither_version_is_refused() {
    let server = impatient().await;
    for (bytes, expected) in [
        (&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r"[..], "HTTP/1.1 400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "HTTP/1.1 400"),
        (b"PRI\r\n\r\n", "HTTP/1.1 400"),
    ] {
        let said = raw(&server, bytes).await;
        assert!(said.starts_with(expected), "{bytes:?}: {said}");
    }
    // The preface, and then no frame: the connection ends with a frame that says so.
    let said = raw(&server, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nGET / HTTP/1.1\r\n\r\n").await;
    assert!(!said.contains("HTTP/1.1"), "{said}");
}

#[tokio::test]
async fn an_idle_connection_of_http2_is_asked_to_end_and_a_silent_one_is_dropped() {
    let server = impatient().await;
    let mut client = Client2::over(server.connect().await).await;
    assert_eq!(client.send(get_request("/slow")).await.unwrap().status(), 200);
    let mut silent = server.connect().await;
    silent.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    timeout(Duration::from_secs(5), async {
        while !client.is_closed().await {
            sleep(Duration::from_millis(10)).await;
        }
        silent.read_to_end(&mut Vec::new()).await.unwrap();
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_given_up() {
    let server = impatient().await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    sleep(4 * SOON).await;
    let mut said = Vec::new();
    let end = timeout(Duration::from_secs(10), stream.read_to_end(&mut said)).await.unwrap();
    assert!(end.is_err() || said.len() < 64 << 20, "all of it came");
}

#[tokio::test]
async fn a_client_that_goes_away_frees_its_place() {
    let options = Options { max_connections: 1, ..Options::default() };
    let server = Server::start(Guard::default(), options).await;
    for bytes in [&b""[..], b"PR", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HT"] {
        let mut stream = server.connect().await;
        stream.write_all(bytes).await.unwrap();
    }
    assert_eq!(server.send1(get_request("/healthz")).await.status(), 200);
}
