//! The pension account, at once and deferred.

use contract::time::{Day, Span};
use domain::{Ask, Command, Page, Reply, StatementReply};

use crate::stage::{Stage, anna};

fn read(stage: &mut Stage, ask: Ask, deferred: Option<Span>) -> StatementReply {
    let day = |month, day| Day::new(2026, month, day).unwrap();
    match stage.run(Command::ReadPension { ask, from: day(10, 1), to: day(11, 1), deferred }).unwrap() {
        Reply::Pension(reply) => reply,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_period_includes_both_its_days() {
    let mut stage = Stage::new();
    stage.consent(anna(), &["pension"]);
    let ask = stage.ask(anna());
    let StatementReply::Ready(statement) = read(&mut stage, ask, None) else { panic!() };
    assert_eq!((statement.accrued.kopecks(), statement.paid.kopecks(), statement.balance.kopecks()), (300, 200, 800));
    assert_eq!(statement.operations.len(), 2);
}

#[test]
fn a_period_that_ends_before_it_begins_is_refused() {
    let mut stage = Stage::new();
    stage.consent(anna(), &["pension"]);
    let ask = stage.ask(anna());
    let day = |day| Day::new(2026, 10, day).unwrap();
    let command = Command::ReadPension { ask, from: day(2), to: day(1), deferred: None };
    assert_eq!(stage.run(command).unwrap_err().code, "period-invalid");
}

#[test]
fn a_deferred_answer_is_fetched_with_the_same_token_when_it_is_ready() {
    let mut stage = Stage::new();
    stage.consent(anna(), &["pension"]);
    let ask = stage.ask(anna());
    let StatementReply::Deferred { order, retry_at } = read(&mut stage, ask.clone(), Some(Span::from_seconds(2)))
    else {
        panic!()
    };
    assert!(retry_at > stage.now);
    let fetch = |bearer| Command::ReadAnswer { bearer, order: order.clone(), page: Page::default() };
    let early = stage.run(fetch(ask.bearer.clone())).unwrap();
    assert!(matches!(early, Reply::Pension(StatementReply::Deferred { .. })));
    stage.advance(Span::from_seconds(2));
    let ready = stage.run(fetch(ask.bearer.clone())).unwrap();
    assert!(matches!(ready, Reply::Pension(StatementReply::Ready(_))));
    assert_eq!(stage.run(fetch(ask.bearer)).unwrap_err().code, "token-spent");
    // The delivery was lost: a new token fetches the same answer.
    let anew = stage.ask(anna());
    assert!(matches!(stage.run(fetch(anew.bearer)).unwrap(), Reply::Pension(StatementReply::Ready(_))));
}

#[test]
fn the_same_question_asked_again_is_the_same_order_until_it_is_answered() {
    let mut stage = Stage::new();
    stage.consent(anna(), &["pension"]);
    let ask = stage.ask(anna());
    let StatementReply::Deferred { order: first, .. } = read(&mut stage, ask, Some(Span::from_seconds(2))) else {
        panic!()
    };
    let ask = stage.ask(anna());
    let StatementReply::Deferred { order: second, .. } = read(&mut stage, ask, Some(Span::from_seconds(2))) else {
        panic!()
    };
    assert_eq!(first, second);
    stage.advance(Span::from_seconds(2));
    let ask = stage.ask(anna());
    assert!(matches!(read(&mut stage, ask, None), StatementReply::Ready(_)));
    assert_eq!(stage.count("pension.ordered"), 1);
}
