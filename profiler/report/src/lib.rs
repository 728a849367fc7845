//! Values to bytes: text, JSON, CSV, HTML, charts.
