//! Charts as pictures: every one of them as SVG and as PNG, the same drawing in both, with all its text, nothing outside the
//! sheet and nothing on top of something else that is to be read.

#[path = "common/mod.rs"]
mod common;

use ab_glyph::{Font, FontRef, ScaleFont};
use quick_xml::events::Event;
use report::chart::{Chart, Theme, of_function};
use std::collections::BTreeSet;
use trace::{Profile, Trace};

/// Each kind of profile with its calls, as served.
fn kinds() -> Vec<(Profile, Vec<Trace>)> {
    let mut kinds = vec![
        (common::profile(), common::traces()),
        (common::too_few(), common::traces()[9..].to_vec()),
        common::constant(),
        common::too_late(),
        common::product(),
        common::nothing_succeeded(),
        common::hostile(),
        (common::profile(), common::traces()[..1].to_vec()),
    ];
    for (_, traces) in &mut kinds {
        *traces = common::served(traces);
    }
    kinds
}

/// A text of an SVG and the box it takes: left, top, right, bottom.
struct Said {
    text: String,
    sides: [f64; 4],
}

/// Letters of the usual fonts are at most so much wider than those of the font measured with.
const WIDER: f64 = 1.12;

/// Pixels around the sheet in a PNG.
const MARGIN: u32 = 28;

fn texts(svg: &str) -> Vec<Said> {
    let font = FontRef::try_from_slice(notosans::REGULAR_TTF).expect("a font");
    let mut reader = quick_xml::Reader::from_str(svg);
    let (mut said, mut open) = (Vec::new(), None);
    loop {
        match reader.read_event().expect("well-formed") {
            Event::Start(tag) if tag.name().as_ref() == b"text" => {
                let of = |key: &str| {
                    let found = tag.try_get_attribute(key).expect("attributes").expect(key);
                    String::from_utf8(found.value.to_vec()).expect("UTF-8")
                };
                let number = |key: &str| of(key).parse::<f64>().expect("a number");
                let em = number("font-size");
                let top = match of("dy").as_str() {
                    "0.76em" => number("y"),
                    "0.5ex" => number("y") - em / 2.0,
                    _ => number("y") - em,
                };
                open = Some((number("x"), top, em, of("text-anchor")));
            }
            Event::Text(text) => {
                if let Some((x, top, em, anchor)) = open.take() {
                    let raw = String::from_utf8(text.to_vec()).expect("UTF-8");
                    let raw = raw.trim().to_owned();
                    let scale = font.pt_to_px_scale(em as f32 * 0.75).expect("a scale");
                    let scaled = font.as_scaled(scale);
                    let advance = |c| f64::from(scaled.h_advance(font.glyph_id(c)));
                    let width = raw.chars().map(advance).sum::<f64>() * WIDER;
                    let left = match anchor.as_str() {
                        "start" => x,
                        "middle" => x - width / 2.0,
                        _ => x - width,
                    };
                    // The body of the letters, without what is left free above and under it.
                    let sides = [left, top + 2.0, left + width, top + em - 2.0];
                    said.push(Said { text: raw, sides });
                }
            }
            Event::Eof => return said,
            _ => {}
        }
    }
}

#[test]
fn text_stays_on_the_sheet_and_apart() {
    for (profile, traces) in kinds() {
        let theme = Theme::default();
        for chart in of_function(&profile, &traces, None, &theme) {
            let (width, height) = chart.size();
            let said = texts(&chart.svg());
            assert!(!said.is_empty());
            for (i, one) in said.iter().enumerate() {
                let [left, top, right, bottom] = one.sides;
                let is_inside = left >= 0.0
                    && top >= 0.0
                    && right <= f64::from(width)
                    && bottom <= f64::from(height);
                assert!(
                    is_inside,
                    "{}: `{}` {:?}",
                    chart.name(),
                    one.text,
                    one.sides
                );
                for other in &said[..i] {
                    let apart = right <= other.sides[0]
                        || other.sides[2] <= left
                        || bottom <= other.sides[1]
                        || other.sides[3] <= top;
                    let (a, b) = (&one.text, &other.text);
                    assert!(apart, "{}: `{a}` over `{b}`", chart.name());
                }
            }
        }
    }
}

/// Rows of the pixels of a PNG, three bytes each.
fn decoded(file: &[u8]) -> (u32, u32, Vec<u8>) {
    let decoder = png::Decoder::new(std::io::Cursor::new(file));
    let mut reader = decoder.read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut pixels).expect("a picture");
    assert_eq!(info.color_type, png::ColorType::Rgb);
    (info.width, info.height, pixels)
}

/// Every text of the SVG is to be seen in the PNG where it is in the SVG, the file says what is drawn, and it is small.
fn check(chart: &Chart<'_>) {
    let file = chart.png().expect("a PNG");
    assert!(file.len() < 400_000, "{}: {}", chart.name(), file.len());
    let (width, height, pixels) = decoded(&file);
    let sheet = chart.size();
    assert_eq!(
        (width, height),
        (sheet.0 + 2 * MARGIN, sheet.1 + 2 * MARGIN)
    );
    let at = |x: f64, y: f64| {
        let place = 3 * (y as usize * width as usize + x as usize);
        [pixels[place], pixels[place + 1], pixels[place + 2]]
    };
    let ground = at(f64::from(width) - 1.0, f64::from(height) - 1.0);
    assert!(ground.iter().all(|part| *part > 250), "a light ground");
    let colors: BTreeSet<&[u8]> = pixels.chunks_exact(3).collect();
    assert!(colors.len() > 10, "{}", chart.name());
    for said in texts(&chart.svg()) {
        let [left, top, right, bottom] = said.sides;
        let margin = i64::from(MARGIN);
        let across = (left as i64 + margin..right as i64 + margin).flat_map(|x| {
            (top as i64 + margin..bottom as i64 + margin).map(move |y| (x as f64, y as f64))
        });
        let dark = across.filter(|(x, y)| at(*x, *y).iter().all(|part| *part < 200));
        let letters = said.text.chars().filter(|c| !c.is_whitespace()).count();
        let dark = dark.count();
        assert!(
            dark >= 4 * letters,
            "{}: `{}` {dark}",
            chart.name(),
            said.text
        );
    }
    let reader = png::Decoder::new(std::io::Cursor::new(&file));
    let reader = reader.read_info().expect("a PNG");
    let said = &reader.info().utf8_text;
    let description = said.iter().find(|chunk| chunk.keyword == "Description");
    let description = description.expect("a description").get_text();
    assert!(!description.expect("text").is_empty());
}

#[test]
fn every_chart_is_a_picture_with_the_text_of_its_document() {
    let theme = Theme::default();
    let (profile, traces) = (common::profile(), common::served(&common::traces()));
    let charts = of_function(&profile, &traces, None, &theme);
    let names: Vec<&str> = charts.iter().map(Chart::name).collect();
    assert_eq!(names, report::chart::NAMES);
    charts.iter().for_each(check);
    // Where there is nothing to draw, the picture says so.
    let (profile, traces) = common::nothing_succeeded();
    let charts = of_function(&profile, &traces, None, &theme);
    charts.iter().for_each(check);
}
