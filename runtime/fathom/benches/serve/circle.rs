//! The area of a circle over plain HTTP, by Fathom and by the Functions Framework for Python: how long requests take, to the
//! slowest of ten thousand, drawn; and how large everything is.

use crate::{
    load::{Load, Told},
    process::{Server, repository},
};
use plotters::prelude::*;
use std::{fs, path::Path, process::Command};

const BODY: &str = r#"{"radius": 2.5}"#;

const CONNECTIONS: u32 = 4;

fn functions_framework() -> Server {
    let installed = repository("target/peers/python");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/serve/circle_area.py");
    Server::start(|_, address| {
        let port = address.rsplit(':').next().expect("a port");
        let mut command = Command::new(installed.join("bin/functions-framework"));
        command
            .args(["--target", "circle_area", "--host", "127.0.0.1"])
            .args(["--port", port, "--source"])
            .arg(source)
            .env("PYTHONPATH", &installed);
        command
    })
}

pub(crate) fn run() {
    let fathom = Server::fathom(&repository("guest-examples/circle-area"), &[]);
    let python = functions_framework();
    let ask = |url: &str, seconds| {
        Load {
            body: BODY,
            connections: CONNECTIONS,
            seconds,
            ..Load::of(url)
        }
        .run()
    };
    let (own, other) = (fathom.url("/function/circle-area"), python.url("/"));
    // Both have begun before they are measured.
    ask(&own, 5);
    ask(&other, 5);
    let sides = [
        ("fathom serve", ask(&own, 20), fathom.resident()),
        ("functions-framework", ask(&other, 20), python.resident()),
    ];
    println!("circle-area, {CONNECTIONS} connections");
    for (name, told, resident) in &sides {
        let quantiles: Vec<String> = told
            .quantiles()
            .map(|(percent, milliseconds)| format!("p{percent} {milliseconds:.2} ms"))
            .collect();
        println!(
            "  {name:<22} {:>8.0} requests/s   {resident:>4.0} MiB resident   {}",
            told.rate(),
            quantiles.join("   ")
        );
    }
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    println!(
        "  sizes: fathom {:.0} MiB, its module {:.2} MiB; the framework with what it needs {:.0} MiB, beside Python itself",
        mib(size(Path::new(env!("CARGO_BIN_EXE_fathom")))),
        mib(size(&repository(
            "guest-examples/circle-area/circle-area.wasm"
        ))),
        mib(size(&repository("target/peers/python"))),
    );
    let picture = repository("target/serve-latency.svg");
    draw(&picture, &sides.map(|(name, told, _)| (name, told)));
    println!("  the curves are in {}", picture.display());
    println!(
        "  each of the {CONNECTIONS} connections asks when it was answered, so a server that is slow is asked less; the client has \
         the same processors;\n  Python answers in a process that was used before, Fathom in a new sandbox each time; the resident \
         memory of the framework is that of its first process alone"
    );
}

/// Bytes of a file, or of all that are below a folder.
fn size(path: &Path) -> u64 {
    let below = fs::read_dir(path).into_iter().flatten().flatten();
    let below: u64 = below.map(|entry| size(&entry.path())).sum();
    let own = fs::metadata(path).map_or(0, |file| if file.is_file() { file.len() } else { 0 });
    below + own
}

/// Times over the share of requests that are slower, both logarithmic.
fn draw(path: &Path, sides: &[(&str, Told)]) {
    let points = |told: &Told| -> Vec<(f64, f64)> {
        let quantiles = told.quantiles();
        quantiles
            .map(|(percent, milliseconds)| (1.0 / (1.0 - percent / 100.0), milliseconds))
            .collect()
    };
    let all = || sides.iter().flat_map(|(_, told)| points(told));
    let most = all().map(|(_, ms)| ms).fold(1.0, f64::max);
    let least = all().map(|(_, ms)| ms).fold(1.0, f64::min);
    let area = SVGBackend::new(path, (900, 500)).into_drawing_area();
    let drawn = || -> Result<(), Box<dyn std::error::Error + '_>> {
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .caption("circle-area: time of a request", ("sans-serif", 22))
            .margin(16)
            .x_label_area_size(44)
            .y_label_area_size(70)
            .build_cartesian_2d(
                (2.0..10_000.0).log_scale(),
                (least / 2.0..most * 2.0).log_scale(),
            )?;
        chart
            .configure_mesh()
            .x_desc("share of requests that took no longer")
            .y_desc("milliseconds")
            .light_line_style(TRANSPARENT)
            .x_label_formatter(&|x| format!("p{}", 100.0 - 100.0 / x))
            .draw()?;
        for ((name, told), colour) in sides
            .iter()
            .zip([RGBColor(0, 114, 178), RGBColor(213, 94, 0)])
        {
            chart
                .draw_series(LineSeries::new(points(told), colour.stroke_width(2)).point_size(3))?
                .label(*name)
                .legend(move |(x, y)| {
                    PathElement::new([(x, y), (x + 20, y)], colour.stroke_width(2))
                });
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE)
            .border_style(BLACK.mix(0.3))
            .draw()?;
        area.present()?;
        Ok(())
    };
    drawn().expect("a picture");
}
