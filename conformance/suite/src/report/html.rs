//! `report.html`: one file without scripts or anything from elsewhere, in Russian and English, for somebody who has only
//! this file. It may hold text that a bank wrote, so every word passes [`Said`] or [`Both`], which escape it.

use std::collections::BTreeMap;
use std::fmt;

use askama::Template;
use askama::filters::{Html, HtmlSafe, escape};
use rules::finding::Verdict;

use super::digest::{self, Group};
use super::model::{AlgorithmUse, Bilingual, Evidence, Report, RuleResult, ScenarioResult};
use super::plain::visible;
use super::text::duration;
use crate::error::SuiteError;

/// The report as one self-contained HTML file.
///
/// # Errors
/// When the page cannot be written.
pub fn html(report: &Report) -> Result<String, SuiteError> {
    let page = Page::of(report);
    page.render().map_err(|cause| SuiteError::new(format!("cannot write report.html: {cause}"), ""))
}

/// Text from outside: escaped, its invisible characters shown, its reading direction kept to itself.
struct Said(String);

/// A text in both languages, of which the page shows one.
struct Both(Bilingual);

/// A verdict as a word with its colour.
struct Badge(Verdict);

impl HtmlSafe for Said {}
impl HtmlSafe for Both {}
impl HtmlSafe for Badge {}

impl fmt::Display for Said {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "<bdi>{}</bdi>", safe(&self.0))
    }
}

impl fmt::Display for Both {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, r#"<span lang="ru">{}</span><span lang="en">{}</span>"#, safe(&self.0.ru), safe(&self.0.en))
    }
}

impl fmt::Display for Badge {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, r#"<b class="v {}">{}</b>"#, self.0.as_str(), Both(digest::word(self.0)))
    }
}

fn safe(text: &str) -> String {
    match escape(visible(text), Html) {
        Ok(text) => text.to_string(),
        Err(never) => match never {},
    }
}

fn said(text: &str) -> Said {
    Said(text.to_owned())
}

fn both(ru: impl Into<String>, en: impl Into<String>) -> Both {
    Both(Bilingual::new(ru, en))
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page {
    /// Of the window.
    heading: String,
    bank: Said,
    version: Said,
    sentence: Both,
    /// `good`, `bad`, `none`: the colour of the sentence.
    tone: &'static str,
    tool: Said,
    facts: Vec<(Both, Said)>,
    sums: Vec<(Both, u64, Vec<Count>)>,
    groups: Vec<GroupView>,
    requirements: Vec<RequirementView>,
    rules: Vec<RuleView>,
    left_out: Vec<(Badge, Both, Vec<Said>)>,
    untested: Vec<(Said, Both)>,
    algorithms: Vec<AlgorithmView>,
    limits: Vec<(Both, Said)>,
    gaps: Vec<GapView>,
    cases: Vec<CaseView>,
}

struct Count {
    badge: Badge,
    count: u64,
}

struct GroupView {
    anchor: String,
    badge: Badge,
    severity: Both,
    id: Said,
    slug: Option<Said>,
    title: Both,
    clauses: Vec<Said>,
    requirements: Vec<Said>,
    gap: Option<Said>,
    advice: Vec<Both>,
    findings: Vec<FindingView>,
}

struct FindingView {
    badge: Badge,
    case: Option<Said>,
    title: Option<Both>,
    message: Both,
    evidence: Vec<EvidenceView>,
}

struct EvidenceView {
    place: Both,
    at: Said,
    seen: Said,
    trace: Link,
}

struct RequirementView {
    id: Said,
    title: Both,
    badge: Badge,
    counts: Vec<Count>,
}

struct RuleView {
    id: Said,
    /// Where its findings stand, if it has any.
    anchor: Option<String>,
    slug: Said,
    title: Both,
    level: Said,
    severity: Both,
    clauses: Vec<Said>,
    requirements: Vec<Said>,
    badge: Badge,
    counts: Vec<Count>,
    silent: u64,
    why: Option<Both>,
}

struct AlgorithmView {
    protocol: Said,
    used_for: Both,
    key: Said,
    parameters: Said,
    signature: Said,
    digest: Said,
    times: u64,
    why: Option<Both>,
}

struct GapView {
    rule: Said,
    reason: Said,
    until: Said,
    state: Both,
}

struct CaseView {
    case: Said,
    title: Both,
    requirements: Vec<Said>,
    badge: Badge,
    why: Option<Both>,
    duration: Said,
    trace: Link,
    sha256: Option<Said>,
    steps: Vec<StepView>,
}

struct StepView {
    number: usize,
    step: Said,
    state: Both,
    seen: Said,
}

/// A kept recording. Only a plain file of the report's own folder becomes a link.
struct Link {
    text: Option<Said>,
    href: Option<String>,
}

impl Link {
    fn to(trace: Option<&str>) -> Self {
        let plain = |name: &&str| {
            name.strip_prefix("traces/").is_some_and(|file| {
                !file.starts_with('.')
                    && file.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
            })
        };
        Self { text: trace.map(said), href: trace.filter(plain).map(str::to_owned) }
    }
}

impl Page {
    fn of(report: &Report) -> Self {
        let groups = digest::groups(report);
        let titles: BTreeMap<&str, &ScenarioResult> =
            report.scenarios.iter().map(|result| (result.case.as_str(), result)).collect();
        let heading = format!(
            "Стенд · {} {} · {} {}",
            report.bank.name, report.bank.version, report.tool.name, report.tool.version
        );
        Self {
            heading: visible(&heading).into_owned(),
            bank: said(&report.bank.name),
            version: said(&report.bank.version),
            sentence: Both(digest::sentence(report)),
            tone: match report.summary.exit_code {
                0 => "good",
                1 => "bad",
                _ => "none",
            },
            tool: Said(format!("{} {}", report.tool.name, report.tool.version)),
            facts: facts(report),
            sums: vec![
                (both("Случаи", "Cases"), report.summary.cases, counts(digest::cases(report))),
                (
                    both("Правила", "Rules"),
                    report.rules.len() as u64,
                    counts(digest::tally(report.rules.iter().map(|rule| rule.verdict))),
                ),
                (
                    both("Требования", "Requirements"),
                    report.requirements.len() as u64,
                    counts(digest::tally(report.requirements.iter().map(|row| row.verdict))),
                ),
            ],
            requirements: report
                .requirements
                .iter()
                .map(|row| RequirementView {
                    id: said(&row.id),
                    title: requirement_title(&row.id),
                    badge: Badge(row.verdict),
                    counts: counts(digest::tally(
                        row.cases.iter().filter_map(|case| titles.get(case.as_str())).map(|result| result.verdict),
                    )),
                })
                .collect(),
            rules: report.rules.iter().map(|rule| rule_view(rule, &groups)).collect(),
            left_out: digest::left_out(report)
                .into_iter()
                .map(|(verdict, why, list)| (Badge(verdict), Both(why.clone()), list.into_iter().map(said).collect()))
                .collect(),
            untested: digest::untested(report)
                .into_iter()
                .map(|row| (said(&row.id), both(row.title.ru.as_str(), row.title.en.as_str())))
                .collect(),
            algorithms: report.algorithms.iter().map(algorithm_view).collect(),
            limits: report.limits.iter().map(|(name, value)| (limit(name), said(value))).collect(),
            gaps: report
                .bank
                .known_gaps
                .iter()
                .map(|gap| GapView {
                    rule: said(&gap.rule),
                    reason: said(&gap.reason),
                    until: said(gap.until.as_deref().unwrap_or("–")),
                    state: gap_state(&gap.state),
                })
                .collect(),
            cases: report.scenarios.iter().map(case_view).collect(),
            groups: groups.iter().map(|group| group_view(group, &titles)).collect(),
        }
    }
}

fn facts(report: &Report) -> Vec<(Both, Said)> {
    let (run, bank, portal) = (&report.run, &report.bank, &report.portal);
    let list = |words: &[String]| if words.is_empty() { "–".to_owned() } else { words.join(", ") };
    [
        ("Банк", "Bank", format!("{} {}", bank.name, bank.version)),
        ("Контакт", "Contact", bank.contact.clone()),
        ("Мнемоника клиента", "Client id", bank.client_id.clone()),
        ("Протоколы", "Protocols", list(&bank.protocols)),
        ("Заявлено банком", "Claimed by the bank", list(&bank.claims)),
        ("Алгоритмы, виденные в деле", "Algorithms seen in use", list(&bank.algorithms)),
        ("Часы банка", "Clock of the bank", bank.clock.clone()),
        ("Портал", "Portal", portal.origin.clone()),
        ("Издатель ЕСИА", "ESIA issuer", portal.esia_issuer.clone()),
        ("Издатель OIDC", "OIDC issuer", portal.oidc_issuer.clone()),
        ("Хранилище портала", "Store of the portal", portal.state.clone()),
        ("Прогон", "Run", run.id.clone()),
        ("Зерно случайности", "Seed", run.seed.to_string()),
        ("Отбор сценариев", "Selection", run.selection.clone()),
        (
            "Случаи, не повторённые в других протоколах",
            "Cases not repeated in other protocols",
            format!("{} (certify --every-row: 0)", run.dealt_out),
        ),
        ("Начат", "Started", run.started.clone()),
        ("Окончен", "Finished", run.finished.clone()),
        ("Длительность", "Duration", duration(run.duration_ms)),
        ("Программа", "Tool", format!("{} {}", report.tool.name, report.tool.version)),
        ("Книга правил", "Rule book", digest::rule_book(report)),
    ]
    .into_iter()
    .map(|(ru, en, value)| (both(ru, en), Said(value)))
    .collect()
}

fn algorithm_view(row: &AlgorithmUse) -> AlgorithmView {
    let or_dash = |text: &str| said(if text.is_empty() { "–" } else { text });
    AlgorithmView {
        protocol: said(&row.protocol),
        used_for: Both(digest::used_for(&row.used_for)),
        key: said(&row.key),
        parameters: or_dash(&row.parameters),
        signature: or_dash(&row.signature),
        digest: or_dash(&row.digest),
        times: row.times,
        why: row.why.clone().map(Both),
    }
}

fn counts(tally: Vec<(Verdict, u64)>) -> Vec<Count> {
    tally.into_iter().map(|(verdict, count)| Count { badge: Badge(verdict), count }).collect()
}

fn said_all(words: &[String]) -> Vec<Said> {
    words.iter().map(|word| said(word)).collect()
}

fn requirement_title(id: &str) -> Both {
    match rules::requirements().iter().find(|row| row.id == id) {
        Some(row) => both(row.title.ru.as_str(), row.title.en.as_str()),
        None => both("", ""),
    }
}

/// A name for links within the page; ids come from a file, so only plain characters stay.
fn anchor(group: &Group<'_>) -> String {
    let plain: String = group.id.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    format!("{}-{plain}", if group.by_rule { "rule" } else { "scenario" })
}

fn rule_view(rule: &RuleResult, groups: &[Group<'_>]) -> RuleView {
    RuleView {
        id: said(&rule.id),
        anchor: groups.iter().find(|group| group.by_rule && group.id == rule.id).map(anchor),
        slug: said(&rule.slug),
        title: Both(rule.title.clone()),
        level: said(&rule.level),
        severity: severity(&rule.severity),
        clauses: said_all(&rule.clauses),
        requirements: said_all(&rule.requirement_ids),
        badge: Badge(rule.verdict),
        counts: counts(digest::tally(rule.cases.iter().map(|case| case.verdict))),
        silent: rule.not_applicable_cases,
        why: rule.why.clone().map(Both),
    }
}

fn group_view(group: &Group<'_>, titles: &BTreeMap<&str, &ScenarioResult>) -> GroupView {
    let mut advice: Vec<&Bilingual> = Vec::new();
    for finding in &group.findings {
        let is_empty = finding.advice.ru.is_empty() && finding.advice.en.is_empty();
        if !is_empty && !advice.contains(&&finding.advice) {
            advice.push(&finding.advice);
        }
    }
    GroupView {
        anchor: anchor(group),
        badge: Badge(group.verdict),
        severity: severity(group.severity),
        id: said(group.id),
        slug: (!group.slug.is_empty()).then(|| said(group.slug)),
        title: match group.rule {
            Some(rule) => Both(rule.title.clone()),
            None if group.by_rule => both("", ""),
            None => both("Ожидания самого сценария", "Expectations of the scenario itself"),
        },
        clauses: group.rule.map(|rule| said_all(&rule.clauses)).unwrap_or_default(),
        requirements: group.rule.map(|rule| said_all(&rule.requirement_ids)).unwrap_or_default(),
        gap: group.gap.map(|gap| said(&gap.reason)),
        advice: advice.into_iter().cloned().map(Both).collect(),
        findings: group
            .findings
            .iter()
            .map(|finding| FindingView {
                badge: Badge(finding.verdict),
                case: (!finding.case.is_empty()).then(|| said(&finding.case)),
                title: titles.get(finding.case.as_str()).map(|result| Both(result.title.clone())),
                message: Both(finding.message.clone()),
                evidence: finding.evidence.iter().map(evidence_view).collect(),
            })
            .collect(),
    }
}

fn evidence_view(evidence: &Evidence) -> EvidenceView {
    EvidenceView {
        place: place(&evidence.at),
        at: said(&evidence.at),
        seen: said(&evidence.seen),
        trace: Link::to(evidence.trace.as_deref()),
    }
}

/// What kind of thing an evidence pointer names.
fn place(at: &str) -> Both {
    let (ru, en) = match at.split(':').next().unwrap_or_default() {
        "act" => ("действие стенда", "deed of the suite"),
        "alive" => ("проверка, что банк жив", "check that the bank is alive"),
        "canary" => ("подложенное значение", "planted value"),
        "exchange" => ("обмен по сети", "exchange on the wire"),
        "journal" => ("журнал портала", "journal of the portal"),
        "probe" => ("вопрос банку", "question to the bank"),
        "report" => ("слово банка", "word of the bank"),
        "twin" => ("тот же случай без лжи", "the same case without the lie"),
        _ => ("запись", "recording"),
    };
    both(ru, en)
}

fn case_view(result: &ScenarioResult) -> CaseView {
    let told = matches!(result.verdict, Verdict::Error | Verdict::Fail | Verdict::Inconclusive);
    CaseView {
        case: said(&result.case),
        title: Both(result.title.clone()),
        requirements: said_all(&result.requirements),
        badge: Badge(result.verdict),
        why: result.why.clone().map(Both),
        duration: Said(duration(result.duration_ms)),
        trace: Link::to(result.trace.as_deref()),
        sha256: result.trace_sha256.as_deref().map(said),
        steps: result
            .steps
            .iter()
            .filter(|_| told)
            .map(|step| StepView {
                number: step.index + 1,
                step: said(&step.step),
                state: step_state(&step.state),
                seen: said(step.seen.as_deref().unwrap_or_default()),
            })
            .collect(),
    }
}

fn severity(word: &str) -> Both {
    match word {
        "critical" => both("критично", "critical"),
        "high" => both("высокая", "high"),
        "low" => both("низкая", "low"),
        "medium" => both("средняя", "medium"),
        other => both(other, other),
    }
}

fn step_state(word: &str) -> Both {
    match word {
        "done" => both("сделан", "done"),
        "skipped" => both("пропущен", "skipped"),
        "unmet" => both("ожидание не выполнено", "expectation not met"),
        other => both(other, other),
    }
}

fn gap_state(word: &str) -> Both {
    match word {
        "holds" => both("подтверждён", "holds"),
        "not judged" => both("не проверялся", "not judged"),
        "overdue" => both("просрочен", "overdue"),
        "passes" => both("больше не пробел: вычеркните", "none any more: strike it"),
        other => both(other, other),
    }
}

/// A limit in words; one that this page does not know keeps its name.
fn limit(name: &str) -> Both {
    match name {
        "attempts" => both("неудачных попыток до блокировки", "failed attempts before the lock-out"),
        "clock_skew" => both("терпимое расхождение часов", "tolerated difference of clocks"),
        "code_life" => both("жизнь кода авторизации", "life of an authorisation code"),
        "consent_answer" => both("срок ответа на запрос согласия", "time to answer a consent request"),
        "data_token_life" => both("жизнь токена данных", "life of a data token"),
        "deferral" => both("отсроченный ответ готов через", "a deferred answer is ready after"),
        "lock_out" => both("длительность блокировки", "length of the lock-out"),
        "poll_interval" => both("наименьший промежуток опроса", "shortest time between polls"),
        "quiet_time" => both("покой после отказа гражданина", "peace after a citizen's refusal"),
        "refresh_life" => both("жизнь токена обновления", "life of a refresh token"),
        "revocation_delay" => both("отзыв согласия действует не позже", "a revocation is obeyed within"),
        "timestamp_window" => both("терпимый возраст метки времени", "tolerated age of a time stamp"),
        "token_life" => both("жизнь токенов доступа", "life of access tokens"),
        other => both(other, other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn body(page: &str) -> &str {
        page.split_once("</style>").unwrap().1
    }

    #[test]
    fn the_page_tells_the_whole_report() {
        insta::assert_snapshot!(body(&html(&sample::report()).unwrap()));
    }

    #[test]
    fn what_a_bank_wrote_is_text_and_never_markup() {
        let page = html(&sample::report()).unwrap();
        for forbidden in ["<script", "<b>Анна", "Example <Bank>", "\u{1b}", "javascript:alert(1)\""] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        assert!(page.contains("&#60;script&#62;") || page.contains("&lt;script&gt;"));
    }

    #[test]
    fn nothing_is_fetched_from_elsewhere() {
        let page = html(&sample::report()).unwrap();
        for forbidden in ["src=", "@import", "url(", "<link", "href=\"http", "href=\"//"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        assert!(page.contains("default-src 'none'"));
    }

    #[test]
    fn only_a_plain_file_of_the_report_becomes_a_link() {
        assert!(Link::to(Some("traces/a_oidc.json")).href.is_some());
        for odd in ["traces/../../etc/passwd", "traces/..", "https://x.example/", "javascript:alert(1)", "traces/a b"] {
            assert!(Link::to(Some(odd)).href.is_none(), "{odd}");
        }
    }

    #[test]
    fn every_text_of_the_page_is_there_in_both_languages() {
        let page = html(&sample::report()).unwrap();
        assert_eq!(page.matches("<span lang=\"ru\">").count(), page.matches("<span lang=\"en\">").count());
    }
}
