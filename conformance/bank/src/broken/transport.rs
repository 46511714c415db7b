//! Variants of the connection: versions, suites, names, and each property of the portal's certificate.

use super::Slip::{Breaks, Certificate};
use super::{Part, Row, row};
use crate::conduct::{CallDuty, CertificateCheck as Check, Diligence::*};

const fn connects(duty: CallDuty) -> super::Slip {
    Breaks(Part::Call(duty))
}

pub(super) const ROWS: &[Row] = &[
    row(
        "old-tls-offered",
        &["TLS-01"],
        &["TLS-02", "TLS-04"],
        connects(CallDuty::OldTlsNotOffered),
        "tries TLS 1.1 before it reads the person's data",
    ),
    row(
        "old-tls-accepted",
        &["TLS-02"],
        &["TLS-01", "TLS-04"],
        connects(CallDuty::OldTlsRefused),
        "goes on with a server that speaks TLS 1.1",
    ),
    row("weak-suites-offered", &["TLS-04"], &[], connects(CallDuty::StrongSuitesOnly), "offers 3DES"),
    row("sni-missing", &["TLS-12"], &[], connects(CallDuty::SniSent), "does not say which host it wants"),
    row(
        "expired-certificate-accepted",
        &["CERT-01"],
        &[],
        Certificate(Check::Expired, Skipped),
        "takes an expired certificate",
    ),
    row(
        "expired-certificate-accepted.late",
        &["CERT-01"],
        &[],
        Certificate(Check::Expired, Late),
        "looks at the certificate's end after the call",
    ),
    row(
        "expired-certificate-accepted.logged-only",
        &["CERT-01"],
        &[],
        Certificate(Check::Expired, LoggedOnly),
        "logs that the certificate has expired",
    ),
    row(
        "early-certificate-accepted",
        &["CERT-02"],
        &[],
        Certificate(Check::NotYetValid, Skipped),
        "takes a certificate before its time",
    ),
    row(
        "self-signed-certificate-accepted",
        &["CERT-03"],
        &[],
        Certificate(Check::SelfSigned, Skipped),
        "takes a certificate that vouches for itself",
    ),
    row(
        "unknown-authority-accepted",
        &["CERT-04"],
        &[],
        Certificate(Check::Authority, Skipped),
        "takes a certificate of any authority",
    ),
    row(
        "unknown-authority-accepted.late",
        &["CERT-04"],
        &[],
        Certificate(Check::Authority, Late),
        "asks who vouches for the certificate after the call",
    ),
    row(
        "host-name-unchecked",
        &["CERT-05"],
        &[],
        Certificate(Check::HostName, Skipped),
        "takes a certificate of another host",
    ),
    row(
        "host-name-unchecked.late",
        &["CERT-05"],
        &[],
        Certificate(Check::HostName, Late),
        "compares the host's name after the call",
    ),
    row(
        "host-name-unchecked.wrong-field",
        &["CERT-05"],
        &[],
        Certificate(Check::HostName, WrongField),
        "compares the host's name with what it called itself",
    ),
    row(
        "subject-name-taken-for-host",
        &["CERT-06"],
        &[],
        Certificate(Check::HostNameInAlternative, WrongField),
        "takes the subject's name for the host's",
    ),
    row(
        "revoked-certificate-accepted",
        &["CERT-09"],
        &[],
        Certificate(Check::Revoked, Skipped),
        "takes a revoked certificate although its policy is to check",
    ),
    row(
        "server-usage-unchecked",
        &["CERT-18"],
        &[],
        Certificate(Check::ServerUsage, Skipped),
        "takes a certificate that is not for servers",
    ),
];
