//! The numbers that the core leans on beside the contract's [`contract::control::Limits`].

use contract::time::Span;

/// A partner token (`consents`, organisation scopes) lives this long.
pub(crate) const PARTNER_TOKEN_LIFE: Span = Span::from_minutes(60);
/// A portal session (single sign-on) lives this long.
pub(crate) const SESSION_LIFE: Span = Span::from_minutes(8 * 60);
/// RFC 9126 §2.2: a pushed request is to be used within this.
pub(crate) const PUSHED_LIFE: Span = Span::from_seconds(60);
/// A one-time code is good for this long.
pub(crate) const OTP_LIFE: Span = Span::from_minutes(5);
/// Money from an account arrives after this; cards and QR settle at once.
pub(crate) const SETTLEMENT: Span = Span::from_seconds(2);
