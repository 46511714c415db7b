//! CMS SignedData.
