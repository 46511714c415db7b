//! The chain of transforms of a reference (XML-DSig 1.1 §4.4.3.2): nodes or bytes in, bytes out.

use super::c14n::{C14n, C14nError, Nodes};
use super::document::{Document, Element};
use super::read::{Limits, XmlError};
use super::smev::{SMEV_TRANSFORM, SmevError, smev_transform};

/// Identifier of the transform that leaves out the signature itself.
pub const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

/// One transform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transform {
    /// A canonical form, with the PrefixList of exclusive forms.
    C14n { form: C14n, prefixes: Vec<String> },
    /// Leaves out the signature that holds the reference, if it stands within what is referred to.
    Enveloped,
    /// `urn://smev-gov-ru/xmldsig/transform`.
    Smev,
}

impl Transform {
    /// A canonical form without prefixes.
    pub const fn c14n(form: C14n) -> Self {
        Self::C14n { form, prefixes: Vec::new() }
    }

    /// The chain of SMEV: exclusive form, then its own transform.
    pub fn smev() -> Vec<Self> {
        vec![Self::c14n(C14n::Exclusive), Self::Smev]
    }

    pub const fn uri(&self) -> &'static str {
        match self {
            Self::C14n { form, .. } => form.uri(),
            Self::Enveloped => ENVELOPED,
            Self::Smev => SMEV_TRANSFORM,
        }
    }
}

/// Why a chain cannot be gone through.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransformError {
    #[error(transparent)]
    C14n(#[from] C14nError),
    /// The signature cannot be left out of bytes.
    #[error("transform: enveloped-signature stands behind a transform that gives bytes")]
    EnvelopedTooLate,
    #[error(transparent)]
    Smev(#[from] SmevError),
    #[error(transparent)]
    Xml(#[from] XmlError),
}

/// What goes from one transform to the next.
enum Stage<'d> {
    Bytes(Vec<u8>),
    Nodes(Nodes<'d>),
}

/// Goes through the chain. `signature` is the one that holds the reference; there is none yet while signing.
pub(super) fn run(
    transforms: &[Transform],
    nodes: Nodes<'_>,
    signature: Option<Element<'_>>,
) -> Result<Vec<u8>, TransformError> {
    // The form of a document within its limits may be longer than the document.
    let limits = Limits { bytes: nodes.document.limits.output(), ..nodes.document.limits };
    let mut stage = Stage::Nodes(nodes);
    for transform in transforms {
        stage = match (transform, stage) {
            (Transform::Enveloped, Stage::Nodes(nodes)) => {
                Stage::Nodes(Nodes { without: within(&nodes, signature), ..nodes })
            }
            (Transform::Enveloped, Stage::Bytes(_)) => return Err(TransformError::EnvelopedTooLate),
            (Transform::C14n { form, prefixes }, Stage::Nodes(nodes)) => {
                Stage::Bytes(nodes.canonical(*form, prefixes)?)
            }
            (Transform::C14n { form, prefixes }, Stage::Bytes(bytes)) => {
                Stage::Bytes(Nodes::all(&Document::parse(&bytes, limits)?).canonical(*form, prefixes)?)
            }
            (Transform::Smev, stage) => Stage::Bytes(smev_transform(&bytes(stage)?, limits)?),
        };
    }
    Ok(bytes(stage)?)
}

/// Nodes become bytes by Canonical XML 1.0, where nothing else is said (XML-DSig 1.1 §4.4.3.2).
fn bytes(stage: Stage<'_>) -> Result<Vec<u8>, C14nError> {
    match stage {
        Stage::Bytes(bytes) => Ok(bytes),
        Stage::Nodes(nodes) => nodes.canonical(C14n::Inclusive, &[]),
    }
}

/// The signature, seen as an element of the nodes' own document.
fn within<'d>(nodes: &Nodes<'d>, signature: Option<Element<'_>>) -> Option<Element<'d>> {
    let signature = signature.filter(|signature| std::ptr::eq(signature.document, nodes.document))?;
    Some(Element { document: nodes.document, node: signature.node })
}
