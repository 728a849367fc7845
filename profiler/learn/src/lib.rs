//! Traces to features to fits to recommendations.
