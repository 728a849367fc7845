//! How long a hello takes while four guests loop for ever, beside how long it takes while none does.

use crate::{
    load::{Load, Told},
    process::{Server, repository},
};
use std::{fs, io::Write, net::TcpStream, thread::sleep, time::Duration};

pub(crate) fn run() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let copy = |from: &str, to: &str| {
        let to = place.path().join(to);
        fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        fs::copy(repository(from), to).expect("a copy");
    };
    copy(
        "guest-examples/http/hello/hello-http.wasm",
        "hello/hello-http.wasm",
    );
    copy("guest-examples/http/hello/fathom.toml", "hello/fathom.toml");
    copy(
        "guest-examples/wat/hostile/loops-for-ever.wat",
        "loops/guest.wat",
    );
    let manifest =
        "[function]\nname = \"loops\"\nmodule = \"guest.wat\"\n[limits]\ntimeout = \"60 s\"\n";
    fs::write(place.path().join("loops/fathom.toml"), manifest).expect("a manifest");
    let server = Server::fathom(place.path(), &[]);
    let ask = || {
        Load {
            connections: 1,
            seconds: 10,
            ..Load::of(&server.url("/function/hello-http"))
        }
        .run()
    };
    ask();
    println!("hello, 1 connection, 2 processors or what there are");
    line("while nothing else runs", &ask());
    let loops: Vec<TcpStream> = (0..4)
        .map(|_| {
            let mut stream = TcpStream::connect(&server.address).expect("a connection");
            let request = b"GET /function/loops HTTP/1.1\r\nhost: localhost\r\n\r\n";
            stream.write_all(request).expect("a request");
            stream
        })
        .collect();
    sleep(Duration::from_millis(500));
    line("while four guests loop", &ask());
    drop(loops);
}

fn line(name: &str, told: &Told) {
    let [half, p99, most] = [50.0, 99.0, 99.99].map(|percent| told.quantile(percent));
    println!("  {name:<26} p50 {half:>7.2} ms   p99 {p99:>7.2} ms   p99.99 {most:>7.2} ms");
}
