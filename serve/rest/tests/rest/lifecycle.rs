//! Health, metrics, overload, faults, and the graceful end.

use crate::support::{Client, Server};
use listen::{BindError, Options, Summary};
use servables::{brightness, half_plus_two, jpeg, model, n, port};
use server::{Limits, Servable};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};
use tensor::DType;

/// Takes this long for each request.
fn slow(time: Duration) -> Servable {
    let ports = |name| vec![port(name, DType::F32, vec![n()])];
    model("slow", ports("x"), ports("y"), move |inputs| {
        std::thread::sleep(time);
        Ok(inputs.to_vec())
    })
}

const ONE: &str = r#"{"instances": [1]}"#;

#[test]
fn health_and_help() {
    let server = Server::start();
    for (path, expected) in [("/healthz", "ok\n"), ("/readyz", "ready\n")] {
        let response = server.get(path);
        assert_eq!((response.status, response.text()), (200, expected));
    }
    let help = server.get("/");
    assert_eq!(help.header("content-type"), "text/plain; charset=utf-8");
    let line = "curl -T cat.jpg http://test/v1/models/brightness:predict";
    assert!(help.text().contains(line), "{}", help.text());
}

#[test]
fn without_a_model_or_while_one_loads_it_is_not_ready() {
    let server = Server::with(Limits::default(), Options::default(), vec![]);
    let ready = || server.get("/readyz").status;
    assert_eq!((ready(), server.get("/healthz").status), (503, 200));
    server.service.store().begin("half_plus_two", 1);
    assert_eq!(ready(), 503);
    assert_eq!(server.predict("half_plus_two", ONE).status, 503);
    server.service.add(half_plus_two(), Duration::from_millis(125));
    assert_eq!(ready(), 200);
    server.service.store().begin("half_plus_two", 2);
    assert_eq!(ready(), 200, "version 1 still answers");
    server.service.store().begin("other", 1);
    assert_eq!(ready(), 503);
    let line = r#"schooner_model_load_seconds{model="half_plus_two",version="1"} 0.125"#;
    assert!(server.has_metric(line));
}

#[test]
fn requests_are_counted() {
    let server = Server::start();
    assert_eq!(server.predict("half_plus_two", ONE).status, 200);
    assert_eq!(server.send("PUT", "/v1/models/brightness:predict", &[], &jpeg(1)).status, 200);
    assert_eq!(server.predict("half_plus_two", "{}").status, 400);
    assert_eq!(server.get("/nothing").status, 404);
    for line in [
        r#"schooner_requests_total{model="half_plus_two",protocol="rest",status="200"} 1"#,
        r#"schooner_requests_total{model="half_plus_two",protocol="rest",status="400"} 1"#,
        r#"schooner_requests_total{model="",protocol="rest",status="404"} 1"#,
        r#"schooner_refusals_total{model="half_plus_two",reason="invalid_argument"} 1"#,
        r#"schooner_request_duration_seconds_count{model="brightness",stage="decode"} 1"#,
        r#"schooner_request_duration_seconds_count{model="brightness",stage="infer"} 1"#,
        r#"schooner_request_duration_seconds_count{model="brightness",stage="total"} 1"#,
        r#"schooner_request_bytes_sum{model="brightness"} 5.0"#,
        r#"schooner_queue_depth{model="brightness"} 0"#,
        "schooner_requests_in_flight 0",
    ] {
        assert!(server.has_metric(line), "{line}\n{}", server.get("/metrics").text());
    }
    let response = server.get("/metrics");
    assert_eq!(response.header("content-type"), monitor::CONTENT_TYPE);
    assert!(response.text().ends_with("# EOF\n"));
}

#[test]
fn a_full_queue_refuses_at_once() {
    let limits = Limits { queue_length: 2, workers: NonZeroUsize::MIN, ..Limits::default() };
    let models = vec![slow(Duration::from_millis(500))];
    let server = Server::with(limits, Options::default(), models);
    let barrier = Barrier::new(8);
    let replies: Vec<(u16, String)> = std::thread::scope(|scope| {
        let send = || {
            barrier.wait();
            let response = server.predict("slow", ONE);
            (response.status, response.header("retry-after").to_string())
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(send)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let count = |status| replies.iter().filter(|(found, _)| *found == status).count();
    // The worker may or may not have taken the first job when the others come.
    assert!((2..=3).contains(&count(200)), "{replies:?}");
    assert_eq!(count(200) + count(429), 8, "{replies:?}");
    assert!(replies.iter().all(|(status, retry)| (*status == 429) == (retry == "1")));
}

#[test]
fn a_late_reply_is_a_timeout_and_a_late_job_is_skipped() {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = runs.clone();
    let ports = |name| vec![port(name, DType::F32, vec![n()])];
    let slow = model("slow", ports("x"), ports("y"), move |inputs| {
        counted.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(600));
        Ok(inputs.to_vec())
    });
    let limits = Limits {
        workers: NonZeroUsize::MIN,
        request_timeout: Some(Duration::from_millis(200)),
        ..Limits::default()
    };
    let mut server = Server::with(limits, Options::default(), vec![slow]);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let response = server.predict("slow", ONE);
                assert_eq!(response.status, 504);
                assert_eq!(response.error(), "the request was not answered within 200 ms");
            });
        }
    });
    server.stop();
    assert_eq!(runs.load(Ordering::Relaxed), 1, "nobody waited for the other two");
}

#[test]
fn faults_of_the_model_are_answered_and_the_worker_lives_on() {
    let ports = |name| vec![port(name, DType::F32, vec![n()])];
    let faulty = model("faulty", ports("x"), ports("y"), |inputs| {
        match inputs[0].as_slice::<f32>().unwrap()[0] {
            0.0 => panic!("a defect on purpose"),
            1.0 => Err("out of luck".to_string()),
            2.0 => Ok(vec![]),
            _ => Ok(inputs.to_vec()),
        }
    });
    let limits = Limits { workers: NonZeroUsize::MIN, ..Limits::default() };
    let server = Server::with(limits, Options::default(), vec![faulty]);
    let predict = |x: u8| server.predict("faulty", &format!(r#"{{"instances": [{x}]}}"#));
    let expected = "internal error: the job panicked; this is a defect of the server";
    for _ in 0..3 {
        let panicked = predict(0);
        assert_eq!((panicked.status, panicked.error().as_str()), (500, expected));
    }
    assert_eq!(predict(1).error(), "model faulty failed: out of luck");
    assert_eq!(predict(2).error(), "model faulty failed: expected 1 outputs, found 0");
    assert_eq!(predict(3).status, 200);
    assert!(server.has_metric(r#"schooner_job_panics_total{model="faulty"} 3"#));
}

#[test]
fn the_end_waits_for_accepted_requests() {
    let models = vec![slow(Duration::from_millis(600))];
    let mut server = Server::with(Limits::default(), Options::default(), models);
    let address = server.address;
    let mut idle = Client::connect(address);
    assert_eq!(idle.send("GET", "/readyz", &[], b"").status, 200);
    let waiting = std::thread::spawn(move || {
        let body = ONE.as_bytes();
        Client::connect(address).send("POST", "/v1/models/slow:predict", &[], body)
    });
    while !server.has_metric("schooner_requests_in_flight 1") {
        std::thread::sleep(Duration::from_millis(5));
    }
    server.signal();
    while std::net::TcpStream::connect(address).is_ok() {
        std::thread::sleep(Duration::from_millis(5));
    }
    // A request on an open connection is answered, truthfully, and is the last one there.
    let ready = idle.send("GET", "/readyz", &[], b"");
    assert_eq!((ready.status, ready.header("connection")), (503, "close"));
    assert!(idle.is_closed());
    let response = waiting.join().unwrap();
    assert_eq!((response.status, response.header("connection")), (200, "close"));
    assert_eq!(server.join(), Summary { aborted: 0 });
}

#[test]
fn the_end_under_load_loses_no_request() {
    let models = vec![slow(Duration::from_millis(2)), brightness("brightness")];
    let mut server = Server::with(Limits::default(), Options::default(), models);
    let address = server.address;
    let answered = Arc::new(AtomicUsize::new(0));
    let is_stopping = Arc::new(AtomicBool::new(false));
    let client = |is_kept_alive: bool| {
        let (answered, is_stopping) = (answered.clone(), is_stopping.clone());
        move || loop {
            let Ok(stream) = std::net::TcpStream::connect(address) else {
                assert!(is_stopping.load(Ordering::SeqCst), "refused before the end");
                return;
            };
            drop(stream);
            let Ok(mut client) = std::panic::catch_unwind(|| Client::connect(address)) else {
                continue;
            };
            // Between the last connection that is accepted and the end of the socket the system may
            // take one more, which it resets before it has answered anything: as good as refused.
            let mut may_be_refused = is_stopping.load(Ordering::SeqCst);
            loop {
                let path = "/v1/models/slow:predict";
                match client.try_send("POST", path, &[], ONE.as_bytes()) {
                    Ok(response) => {
                        assert_eq!(response.status, 200, "{}", response.text());
                        answered.fetch_add(1, Ordering::SeqCst);
                        may_be_refused = false;
                        if !is_kept_alive || response.header("connection") == "close" {
                            break;
                        }
                    }
                    Err(error) => {
                        assert!(may_be_refused, "a request was lost: {error}");
                        break;
                    }
                }
            }
        }
    };
    let threads: Vec<_> = (0..8).map(|i| std::thread::spawn(client(i % 2 == 0))).collect();
    std::thread::sleep(Duration::from_millis(500));
    is_stopping.store(true, Ordering::SeqCst);
    let summary = server.stop();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(summary, Summary { aborted: 0 });
    let count = answered.load(Ordering::SeqCst);
    assert!(count > 50, "only {count} requests were answered");
}

#[test]
fn the_end_comes_when_the_grace_is_over() {
    let options = Options {
        linger: Duration::from_millis(50),
        grace: Duration::from_millis(300),
        ..Options::default()
    };
    let models = vec![slow(Duration::from_secs(2))];
    let mut server = Server::with(Limits::default(), options, models);
    let address = server.address;
    let waiting = std::thread::spawn(move || {
        let path = "/v1/models/slow:predict";
        Client::connect(address).try_send("POST", path, &[], ONE.as_bytes())
    });
    while !server.has_metric("schooner_requests_in_flight 1") {
        std::thread::sleep(Duration::from_millis(5));
    }
    let start = Instant::now();
    server.signal();
    assert_eq!(server.join(), Summary { aborted: 1 });
    assert!(start.elapsed() < Duration::from_secs(1));
    assert!(waiting.join().unwrap().is_err());
}

#[test]
fn a_client_that_goes_away_frees_its_place() {
    let limits = Limits { workers: NonZeroUsize::MIN, ..Limits::default() };
    let models = vec![slow(Duration::from_millis(50))];
    let server = Server::with(limits, Options::default(), models);
    for _ in 0..20 {
        let mut client = server.connect();
        let head = "POST /v1/models/slow:predict HTTP/1.1\r\nhost: x\r\ncontent-length: 18\r\n\r\n";
        client.write(format!("{head}{ONE}").as_bytes());
    }
    assert_eq!(server.predict("slow", ONE).status, 200);
    let deadline = Instant::now() + Duration::from_secs(10);
    while !server.has_metric("schooner_requests_in_flight 0") {
        assert!(Instant::now() < deadline, "{}", server.get("/metrics").text());
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn connections_beyond_the_limit_wait_for_their_turn() {
    let options = Options { max_connections: 2, ..Options::default() };
    let server = Server::with(Limits::default(), options, vec![brightness("brightness")]);
    let mut held = vec![server.connect(), server.connect()];
    for client in &mut held {
        assert_eq!(client.send("GET", "/healthz", &[], b"").status, 200);
    }
    let mut third = server.connect();
    third.stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    assert!(third.try_send("GET", "/healthz", &[], b"").is_err());
    drop(held);
    third.stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    assert_eq!(third.receive(false).unwrap().status, 200);
}

#[test]
fn a_port_in_use_is_a_typed_error() {
    let server = Server::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let error = runtime.block_on(listen::bind(server.address)).unwrap_err();
    assert!(matches!(error, BindError::InUse(address) if address == server.address), "{error}");
    let error = runtime.block_on(listen::bind("192.0.2.1:9000".parse().unwrap())).unwrap_err();
    assert!(matches!(error, BindError::NotLocal(_)), "{error}");
}
