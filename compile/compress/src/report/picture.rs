//! The models that were measured: latency to the right, drop upwards, size as the size of a dot.

use super::Report;
use super::pixels::Pixels;
use super::text::bytes;
use crate::search::Candidate;
use plotters::prelude::*;
use std::error::Error;

/// Width and height in pixels.
const SIZE: (u32, u32) = (860, 480);

const BEATEN: RGBColor = RGBColor(160, 160, 160);
const UNBEATEN: RGBColor = RGBColor(53, 101, 168);
const CHOSEN: RGBColor = RGBColor(58, 125, 68);
const REFUSED: RGBColor = RGBColor(179, 51, 51);

/// The picture as SVG; nothing when it cannot be drawn.
pub fn svg(report: &Report) -> String {
    let mut text = String::new();
    let drawn = draw(SVGBackend::with_string(&mut text, SIZE), report);
    if drawn.is_err() { String::new() } else { text }
}

/// The picture as PNG; nothing when it cannot be drawn.
pub fn png(report: &Report) -> Option<Vec<u8>> {
    let mut pixels = Pixels::new(SIZE.0, SIZE.1);
    draw(&mut pixels, report).ok()?;
    pixels.encode().ok()
}

fn draw<B: DrawingBackend>(backend: B, report: &Report) -> Result<(), Box<dyn Error>>
where
    B::ErrorType: 'static,
{
    let area = backend.into_drawing_area();
    area.fill(&WHITE)?;
    let candidates = &report.candidates;
    let (latency, drop) = (range(candidates, |c| c.latency_ms), range(candidates, points));
    let mut chart = ChartBuilder::on(&area)
        .margin(16)
        .x_label_area_size(48)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..latency.1.max(f64::MIN_POSITIVE), drop.0..drop.1)?;
    chart
        .configure_mesh()
        .x_desc(format!("latency on {}, ms", report.certificate.target))
        .y_desc(format!("drop of {}, points", report.certificate.measure))
        .light_line_style(WHITE)
        .draw()?;
    let mut front: Vec<(f64, f64)> = candidates
        .iter()
        .zip(&report.front)
        .filter(|(_, is_unbeaten)| **is_unbeaten)
        .map(|(c, _)| (c.latency_ms, points(c)))
        .collect();
    front.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    chart.draw_series(LineSeries::new(front, UNBEATEN.mix(0.4)))?;
    let largest = candidates.iter().map(|c| c.bytes).max().unwrap_or(1).max(1);
    for (candidate, &is_unbeaten) in candidates.iter().zip(&report.front) {
        let at = (candidate.latency_ms, points(candidate));
        let color = color(candidate, is_unbeaten);
        let area = candidate.bytes as f64 / largest as f64;
        let radius = 4 + (8.0 * area.sqrt()) as i32;
        chart.draw_series([Circle::new(at, radius, color.filled())])?;
        let label = format!("{}, {}", candidate.name, bytes(candidate.bytes as f64));
        let style = ("sans-serif", 14).into_font().color(&color);
        let place = (radius + 3, -8);
        chart.draw_series([EmptyElement::at(at) + Text::new(label, place, style)])?;
    }
    area.present()?;
    Ok(())
}

fn points(candidate: &Candidate) -> f64 {
    candidate.drop * 100.0
}

fn color(candidate: &Candidate, is_unbeaten: bool) -> RGBColor {
    match (candidate.is_chosen, candidate.has_passed, is_unbeaten) {
        (true, _, _) => CHOSEN,
        (false, false, _) => REFUSED,
        (false, true, true) => UNBEATEN,
        (false, true, false) => BEATEN,
    }
}

/// The least and the greatest with some air around them; labels need more of it on the right.
fn range(candidates: &[Candidate], of: impl Fn(&Candidate) -> f64) -> (f64, f64) {
    let numbers = candidates.iter().map(of).filter(|x| x.is_finite());
    let (low, high) = numbers
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    if low > high {
        return (0.0, 1.0);
    }
    let air = 0.15 * (high - low).max(0.02);
    (low - air, high + 3.0 * air)
}
