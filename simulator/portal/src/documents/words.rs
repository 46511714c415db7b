//! How a value reads to a citizen: sums in roubles, days and times as in Russia, words of the contract in Russian.

use contract::money::Money;
use contract::shape::{Field, Kind};
use contract::time::{Day, Timestamp};
use serde_json::Value;

/// The text of a plain value; records and lists have none.
pub(super) fn text(field: &Field, value: &Value) -> Option<String> {
    // The faces have no sign of the rouble.
    said(field, value).map(|text| text.replace('₽', "руб."))
}

fn said(field: &Field, value: &Value) -> Option<String> {
    let said = value.as_str();
    Some(match field.kind {
        Kind::Day => said.and_then(|day| day.parse::<Day>().ok()).map_or_else(|| plain(value), Day::to_esia),
        Kind::Decimal => plain(value).replace('.', ","),
        Kind::Flag => if value.as_bool() == Some(true) { "да" } else { "нет" }.to_owned(),
        Kind::Money => value.as_i64().map_or_else(|| plain(value), |sum| Money::from_kopecks(sum).to_string()),
        Kind::Time => said
            .and_then(|at| at.parse::<Timestamp>().ok())
            .map_or_else(|| plain(value), |at| format!("{}\u{a0}(МСК)", at.to_russian().replace(' ', "\u{a0}"))),
        Kind::Word(words) => said.map_or_else(|| plain(value), |word| spoken(words, word)),
        Kind::Int | Kind::Text => plain(value),
        Kind::Texts => {
            let all = value.as_array().map(Vec::as_slice).unwrap_or_default();
            all.iter().map(plain).collect::<Vec<_>>().join("; ")
        }
        Kind::List(_) | Kind::Record(_) => return None,
    })
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Whether values of this kind stand at the right edge of their column.
pub(super) fn is_number(kind: Kind) -> bool {
    matches!(kind, Kind::Decimal | Kind::Int | Kind::Money)
}

macro_rules! spoken {
    ($($word:ty),* $(,)?) => {
        /// A word of the contract in Russian, by the list that it belongs to; itself where nobody has translated it.
        fn spoken(words: &[&str], word: &str) -> String {
            $(if words == <$word>::WORDS && let Some(known) = <$word>::named(word) {
                return known.ru().to_owned();
            })*
            word.to_owned()
        }
    };
}

use contract::matter::PaymentState;
use contract::registries::debts::PaymentMethod;
use contract::registries::duties::{DutyKind, DutyState};
use contract::registries::estate::{Authority, EncumbranceKind, EstateKind, HolderKind, RightType};
use contract::registries::income::WorkKind;
use contract::registries::pension::OperationKind;
use contract::registries::state_payments::StatePaymentState;
use contract::registries::subsidies::SubsidyKind;

spoken!(
    Authority,
    DutyKind,
    DutyState,
    EncumbranceKind,
    EstateKind,
    HolderKind,
    OperationKind,
    PaymentMethod,
    PaymentState,
    RightType,
    StatePaymentState,
    SubsidyKind,
    WorkKind,
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_every_document_has_its_russian() {
        let shapes = super::super::forms::SHAPES.iter().flat_map(|shape| shape.all());
        let fields = shapes.flat_map(|shape| shape.fields.iter().map(move |field| (shape, field)));
        let mut seen = 0;
        for (shape, field) in fields {
            let Kind::Word(words) = field.kind else { continue };
            for word in words {
                assert_ne!(spoken(words, word), *word, "{}.{}", shape.name, field.name);
                seen += 1;
            }
        }
        assert!(seen > 0);
    }
}
