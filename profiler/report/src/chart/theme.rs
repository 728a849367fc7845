//! Colours by what they mean. Hues are those of Okabe and Ito, "Color Universal Design", 2008, which people with any
//! of the common colour blindnesses can tell apart; what has to be told apart also differs in shape or lightness.

use plotters::style::RGBColor;
use std::fmt::Write;

/// The colours of all charts. An SVG holds those for a light ground; [`Theme::dark_css`] turns them for a dark one.
#[derive(Clone, Debug, PartialEq)]
pub struct Theme {
    /// Text that matters.
    pub(crate) ink: RGBColor,
    /// Tick labels.
    pub(crate) faint: RGBColor,
    /// Grid and axes.
    pub(crate) grid: RGBColor,
    /// Ground of what was never seen.
    pub(crate) unseen: RGBColor,
    /// The ground itself, to set marks apart from lines under them.
    pub(crate) ground: RGBColor,
    /// Committed memory, and memory used.
    pub(crate) committed: RGBColor,
    /// Live bytes.
    pub(crate) live: RGBColor,
    /// A variable of the guest.
    pub(crate) variable: RGBColor,
    /// What a call is given.
    pub(crate) given: RGBColor,
    /// What went wrong.
    pub(crate) alert: RGBColor,
    /// Memory that was never needed.
    pub(crate) waste_memory: RGBColor,
    /// Memory that was needed, but not all the time.
    pub(crate) waste_time: RGBColor,
    /// Providers, in their order.
    pub(crate) series: [RGBColor; 6],
}

impl Default for Theme {
    fn default() -> Theme {
        Theme {
            ink: RGBColor(0x1f, 0x29, 0x33),
            faint: RGBColor(0x5f, 0x6b, 0x7a),
            grid: RGBColor(0xe3, 0xe7, 0xec),
            unseen: RGBColor(0xee, 0xf0, 0xf3),
            ground: RGBColor(0xfe, 0xfe, 0xfe),
            committed: RGBColor(0x00, 0x6b, 0xa8),
            live: RGBColor(0x00, 0x8f, 0x68),
            variable: RGBColor(0xc8, 0x58, 0x00),
            given: RGBColor(0xb3, 0x5c, 0x8d),
            alert: RGBColor(0xb4, 0x23, 0x18),
            waste_memory: RGBColor(0xf6, 0xd9, 0xb8),
            waste_time: RGBColor(0xa9, 0xd0, 0xec),
            series: [
                RGBColor(0x00, 0x72, 0xb2),
                RGBColor(0xd5, 0x5e, 0x00),
                RGBColor(0x00, 0x9e, 0x73),
                RGBColor(0xcc, 0x79, 0xa7),
                RGBColor(0xd0, 0x90, 0x00),
                RGBColor(0x45, 0xa5, 0xdc),
            ],
        }
    }
}

impl Theme {
    /// CSS rules that turn the colours of charts inlined in a page for a dark ground; for the inside of a
    /// `@media (prefers-color-scheme: dark)`.
    pub fn dark_css(&self) -> String {
        let [blue, orange, green, pink, yellow, sky] = self.series;
        let turned = [
            (self.ink, "#e4e9ef"),
            (self.faint, "#9aa7b6"),
            (self.grid, "#2f3945"),
            (self.unseen, "#232c36"),
            (self.ground, "#151b22"),
            (self.committed, "#5cb3ea"),
            (self.live, "#3ecfa0"),
            (self.variable, "#f39a4d"),
            (self.given, "#e29ac3"),
            (self.alert, "#ff8a7d"),
            (self.waste_memory, "#5c4527"),
            (self.waste_time, "#274d69"),
            (blue, "#4ba6e4"),
            (orange, "#f0863a"),
            (green, "#34c499"),
            (pink, "#e0a3c6"),
            (yellow, "#e8b93e"),
            (sky, "#8accf2"),
        ];
        turned.iter().fold(String::new(), |mut css, (from, to)| {
            let RGBColor(r, g, b) = from;
            let from = format!("#{r:02X}{g:02X}{b:02X}");
            for property in ["fill", "stroke"] {
                // Writing to a string cannot fail.
                let _ = writeln!(css, ".chart [{property}=\"{from}\"]{{{property}:{to}}}");
            }
            css
        })
    }
}
