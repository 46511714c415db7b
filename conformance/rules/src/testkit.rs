//! Builders of hand-made recordings.
