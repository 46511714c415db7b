//! REQ: the authorisation request as the bank sends it. Duties, read off the wire.

use std::collections::BTreeMap;

use super::{OIDC, ROW, t};
use crate::finding::Judgement;
use crate::reading::check::Check;
use crate::reading::{Ask, Reading, line, wire};
use crate::rule::{Judge, Level, Rule, Severity};

const BASE: Rule = Rule {
    requirements: &["IDN-1"],
    looked_at: t(
        "Все запросы авторизации, пришедшие на портал через браузер, вместе с отправленными заранее (PAR).",
        "Every authorisation request that came to the portal through the browser, pushed ones included.",
    ),
    ..ROW
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "REQ-01",
        slug: "response-type-not-code",
        clauses: &["RFC 9700 2.1.2, 2.4", "FAPI2 5.3.3.2(1)"],
        title: t("Используется только поток с кодом", "Only the code flow is used"),
        why: t(
            "Маркер, выданный прямо в браузер, виден в истории, журналах и расширениях; пароль гражданина банку знать нельзя.",
            "A token handed straight to the browser shows in history, logs and extensions; the citizen’s password is none of the bank’s business.",
        ),
        advice: t(
            "Отправляйте response_type=code и меняйте код на маркер на сервере.",
            "Send response_type=code and exchange the code on the server.",
        ),
        judge: Judge::Duty(response_type),
        ..BASE
    },
    Rule {
        id: "REQ-02",
        slug: "state-weak-or-repeated",
        severity: Severity::Critical,
        clauses: &["RFC 6749 10.12", "RFC 9700 2.1", "ASVS 10.1.2"],
        title: t("state непредсказуем и не повторяется", "state cannot be guessed and never repeats"),
        why: t(
            "По state банк узнаёт свой запрос. Угадав его, чужой человек подсунет жертве свой ответ и войдёт в её кабинет или впустит её в свой.",
            "By state the bank knows its own request. Who guesses it slips a foreign answer to the victim and shares an account with them.",
        ),
        advice: t(
            "Берите state из криптографического генератора, не короче 128 бит (UUID версии 4 подходит), новый на каждый вход.",
            "Draw state from a cryptographic generator, 128 bits or more (a version 4 UUID will do), anew for each sign-in.",
        ),
        judge: Judge::Duty(state),
        ..BASE
    },
    Rule {
        id: "REQ-03",
        slug: "nonce-missing-or-repeated",
        protocols: OIDC,
        clauses: &["OIDC Core 3.1.2.1, 15.5.2", "FAPI2 5.3.3.2(7)"],
        title: t(
            "nonce есть, не повторяется и не длиннее 64 знаков",
            "nonce is there, never repeats, and has at most 64 characters",
        ),
        why: t(
            "nonce связывает маркер идентификации с этим входом; без него подойдёт маркер, выданный раньше.",
            "nonce ties the ID token to this very sign-in; without it an earlier token fits as well.",
        ),
        advice: t(
            "Отправляйте новый случайный nonce с каждым запросом openid.",
            "Send a fresh random nonce with every openid request.",
        ),
        judge: Judge::Duty(nonce),
        ..BASE
    },
    Rule {
        id: "REQ-04",
        slug: "pkce-missing-or-plain",
        protocols: OIDC,
        clauses: &["RFC 7636 4.1, 4.2", "FAPI2 5.3.3.2(3)"],
        title: t(
            "PKCE с методом S256 и проверочной строкой верной формы",
            "PKCE with S256 and a verifier of the right form",
        ),
        why: t(
            "Перехваченный код без проверочной строки бесполезен; метод plain раскрывает её в самом запросе.",
            "A stolen code is useless without the verifier; the method plain gives it away in the request.",
        ),
        advice: t(
            "Отправляйте code_challenge_method=S256; проверочная строка — 43–128 знаков из A–Z a–z 0–9 - . _ ~.",
            "Send code_challenge_method=S256; the verifier has 43 to 128 characters of A–Z a–z 0–9 - . _ ~.",
        ),
        judge: Judge::Duty(pkce),
        ..BASE
    },
    Rule {
        id: "REQ-05",
        slug: "pkce-challenge-repeated",
        protocols: OIDC,
        clauses: &["FAPI2 5.3.3.2(4)", "RFC 9700 2.1.1"],
        title: t("PKCE каждый раз новый", "PKCE is fresh each time"),
        why: t(
            "Повторённая строка PKCE защищает только до первой утечки и годится для чужого входа.",
            "A repeated challenge protects until its first leak and fits another person’s sign-in.",
        ),
        advice: t("Создавайте проверочную строку заново на каждый вход.", "Make a new verifier for each sign-in."),
        judge: Judge::Duty(challenge_fresh),
        ..BASE
    },
    Rule {
        id: "REQ-06",
        slug: "pkce-verifier-derived",
        protocols: OIDC,
        clauses: &["RFC 7636 7.1"],
        title: t(
            "Проверочная строка PKCE не выводится из видимых значений",
            "The PKCE verifier does not follow from visible values",
        ),
        why: t(
            "state, nonce и challenge видны в браузере; равная им проверочная строка уже не секрет.",
            "state, nonce and challenge are visible in the browser; a verifier equal to them is no secret.",
        ),
        advice: t(
            "Берите проверочную строку из генератора, независимо от state и nonce.",
            "Draw the verifier independently of state and nonce.",
        ),
        judge: Judge::Duty(verifier_independent),
        ..BASE
    },
    Rule {
        id: "REQ-07",
        slug: "redirect-uri-differs",
        clauses: &["RFC 6749 3.1.2.2", "RFC 9700 2.1"],
        title: t(
            "redirect_uri побайтно равен зарегистрированному",
            "redirect_uri equals the registered one byte for byte",
        ),
        why: t(
            "Любая свобода в адресе возврата даёт увести код на чужую страницу.",
            "Any freedom in the return address lets a code be led to a foreign page.",
        ),
        advice: t(
            "Храните адрес возврата в настройках и отправляйте его как зарегистрирован, по https.",
            "Keep the return address in the configuration and send it as registered, over https.",
        ),
        judge: Judge::Duty(redirect_uri),
        ..BASE
    },
    Rule {
        id: "REQ-08",
        slug: "scope-over-asked",
        level: Level::S,
        severity: Severity::Medium,
        requirements: &["IDN-1", "CNS-4", "CNS-8"],
        clauses: &["FAPI2 5.3.3.1(13)", "ASVS 10.2.3", "152-FZ art. 5(5)"],
        title: t("Запрашивается не больше, чем нужно услуге", "No more is asked than the service needs"),
        why: t(
            "Лишние данные нельзя ни собирать, ни хранить.",
            "What is not needed may be neither collected nor kept.",
        ),
        looked_at: t(
            "Области доступа в запросе авторизации и в разрешениях согласия против тех, что заданы шагом сценария.",
            "The scopes of the authorisation request and of the consent’s permissions against those of the scenario’s step.",
        ),
        advice: t(
            "Стройте scope из нужд услуги, а не из общего списка.",
            "Build scope from what the service needs, not from one common list.",
        ),
        judge: Judge::Duty(scope),
        ..BASE
    },
    Rule {
        id: "REQ-09",
        slug: "personal-data-in-front-channel",
        requirements: &["IDN-1", "SEC-4"],
        clauses: &["RFC 9700 4.2, 4.3", "152-FZ art. 7"],
        title: t("В адресах нет личных данных и маркеров", "No personal data or tokens in addresses"),
        why: t(
            "Адреса остаются в истории браузера, журналах серверов и в Referer.",
            "Addresses stay in browser history, server logs and Referer.",
        ),
        looked_at: t(
            "Адреса запросов авторизации и страниц банка: СНИЛС, ИНН, телефон, почта, номера документов людей сценария, выданные маркеры.",
            "Addresses of authorisation requests and of the bank’s pages: SNILS, INN, phone, e-mail and document numbers of the people in the case, and tokens issued.",
        ),
        advice: t(
            "Передавайте через браузер только случайные номера запросов.",
            "Pass nothing but random request numbers through the browser.",
        ),
        judge: Judge::Duty(front_channel),
        ..BASE
    },
    Rule {
        id: "REQ-10",
        slug: "parameter-repeated",
        severity: Severity::Medium,
        clauses: &["RFC 6749 3.1", "ASVS 15.3.7"],
        title: t("Каждый параметр — не больше одного раза", "Each parameter at most once"),
        why: t(
            "Повторённый параметр каждая сторона читает по-своему; на этом разночтении строят обход проверок.",
            "Each side reads a repeated parameter its own way, and checks are dodged in between.",
        ),
        looked_at: t(
            "Параметры запросов авторизации и обращений за маркером.",
            "Parameters of authorisation requests and token calls.",
        ),
        advice: t(
            "Собирайте запрос из словаря, а не дописыванием строк.",
            "Build requests from a map, not by appending text.",
        ),
        judge: Judge::Duty(repeated),
        ..BASE
    },
    Rule {
        id: "REQ-13",
        slug: "flows-mixed-up",
        severity: Severity::Critical,
        requirements: &["IDN-1", "SEC-8"],
        clauses: &["RFC 9700 2.1.1, 4.7.1"],
        title: t("Два одновременных входа не смешиваются", "Two sign-ins at once are not mixed up"),
        why: t(
            "Смешав два входа, банк покажет одному человеку данные другого.",
            "A bank that mixes two flows shows one person the other’s data.",
        ),
        looked_at: t(
            "Входы, запросы которых пересеклись по времени: оба закончились успехом, у каждого свой state и своя проверочная строка, показаны данные своего человека.",
            "Sign-ins whose requests overlapped in time: both ended well, each with its own state and verifier, each showing its own person’s data.",
        ),
        advice: t(
            "Храните state, nonce и проверочную строку по каждому входу отдельно, с ключом state.",
            "Keep state, nonce and verifier per flow, keyed by state.",
        ),
        judge: Judge::Duty(interleaved),
        ..BASE
    },
];

const NO_ASKS: (&str, &str) =
    ("the bank sent no authorisation request", "банк не отправил ни одного запроса авторизации");

fn ask_param<'a>(ask: &'a Ask<'_>, name: &str) -> Option<&'a str> {
    wire::first(&ask.params, name).filter(|value| !value.is_empty())
}

fn response_type(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for ask in &reading.asks {
        check.saw(line(ask.exchange));
        let asked = ask_param(ask, "response_type").unwrap_or("-");
        if asked != "code" {
            check.wrong(
                format!("response_type is {asked}, wanted code"),
                format!("response_type = {asked}, нужно code"),
                vec![line(ask.exchange)],
            );
        }
    }
    for call in reading.token_calls.iter().filter(|call| call.grant() == "password") {
        check.wrong(
            "a password grant was used",
            "использован вход по паролю (grant_type=password)",
            vec![line(call.exchange)],
        );
    }
    check.end(NO_ASKS, ("every request asks for a code", "во всех запросах response_type=code"))
}

fn state(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let mut first: BTreeMap<&str, &Ask<'_>> = BTreeMap::new();
    for ask in &reading.asks {
        check.saw(line(ask.exchange));
        let Some(state) = ask_param(ask, "state") else {
            check.wrong("no state was sent", "state не отправлен", vec![line(ask.exchange)]);
            continue;
        };
        let bits = entropy_bits(state);
        if bits < ENOUGH_BITS {
            check.wrong(
                format!("state {} can hold {bits} random bits at most, wanted 128", wire::mask(state)),
                format!("в state {} не больше {bits} случайных бит, нужно 128", wire::mask(state)),
                vec![line(ask.exchange)],
            );
        }
        let before = first.insert(state, ask);
        if ask.issued > 1 || before.is_some() {
            let mut evidence = vec![line(ask.exchange)];
            evidence.extend(before.map(|other| line(other.exchange)));
            check.wrong(
                format!("state {} was sent in more than one flow", wire::mask(state)),
                format!("state {} отправлен больше чем в одном входе", wire::mask(state)),
                evidence,
            );
        }
    }
    let states: Vec<&&str> = first.keys().collect();
    for (index, one) in states.iter().enumerate() {
        for other in &states[index + 1..] {
            let shared = common(one, other);
            let bits = entropy_bits(one).saturating_sub(shared * per_character(one) as u32);
            if shared > 0 && bits < 100 && entropy_bits(one) >= ENOUGH_BITS {
                check.wrong(
                    format!("two states differ in {bits} bits at most: {} and {}", wire::mask(one), wire::mask(other)),
                    format!(
                        "два значения state отличаются не больше чем в {bits} битах: {} и {}",
                        wire::mask(one),
                        wire::mask(other)
                    ),
                    vec![line(first[**one].exchange), line(first[**other].exchange)],
                );
            }
        }
    }
    check.end(
        NO_ASKS,
        ("each request bears a fresh state of enough bits", "в каждом запросе новый state достаточной длины"),
    )
}

/// A version 4 UUID has 122 random bits and is the portal protocol's own form of state.
pub(super) const ENOUGH_BITS: u32 = 122;

/// The most random bits that a value of this alphabet and length can hold; obvious patterns hold none.
pub(super) fn entropy_bits(value: &str) -> u32 {
    let plain: String = value.chars().filter(|c| *c != '-').collect();
    let is_uuid = value.len() == 36 && plain.len() == 32 && plain.chars().all(|c| c.is_ascii_hexdigit());
    if is_uuid {
        return match plain.as_bytes()[12] {
            b'4' => 122,
            b'7' => 74,
            _ => 0,
        };
    }
    let mut kinds: Vec<char> = value.chars().collect();
    kinds.sort_unstable();
    kinds.dedup();
    // A random text of this length never shows so few different characters.
    if kinds.len() < 8 {
        return 0;
    }
    (value.chars().count() as f64 * per_character(value)) as u32
}

fn per_character(value: &str) -> f64 {
    let has = |test: fn(char) -> bool| value.chars().any(test);
    if value.chars().all(|c| c.is_ascii_digit()) {
        3.32
    } else if value.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
        && !(has(|c| ('a'..='f').contains(&c)) && has(|c| ('A'..='F').contains(&c)))
    {
        4.0
    } else if !(has(|c| c.is_ascii_lowercase()) && has(|c| c.is_ascii_uppercase())) {
        5.0
    } else {
        6.0
    }
}

/// Characters that two values share at their beginning and end.
fn common(one: &str, other: &str) -> u32 {
    let head = one.chars().zip(other.chars()).take_while(|(a, b)| a == b).count();
    let tail = one.chars().rev().zip(other.chars().rev()).take_while(|(a, b)| a == b).count();
    let hyphens = one.len() == 36 && other.len() == 36;
    // Chance alone makes one or two equal characters; a UUID has fixed ones.
    let free = if hyphens { 4 } else { 3 };
    (head + tail).min(one.chars().count()).saturating_sub(free) as u32
}

fn nonce(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let mut seen: BTreeMap<&str, &Ask<'_>> = BTreeMap::new();
    for ask in &reading.asks {
        if !ask_param(ask, "scope").is_some_and(|scope| scope.split_whitespace().any(|word| word == "openid")) {
            continue;
        }
        check.saw(line(ask.exchange));
        match ask_param(ask, "nonce") {
            None => check.wrong(
                "no nonce was sent with openid",
                "nonce не отправлен, хотя запрошен openid",
                vec![line(ask.exchange)],
            ),
            Some(nonce) => {
                let length = nonce.chars().count();
                if length > 64 {
                    check.wrong(
                        format!("nonce has {length} characters, at most 64 are portable"),
                        format!("в nonce {length} знаков, допустимо не больше 64"),
                        vec![line(ask.exchange)],
                    );
                }
                if let Some(other) = seen.insert(nonce, ask) {
                    check.wrong(
                        format!("nonce {} was sent twice", wire::mask(nonce)),
                        format!("nonce {} отправлен дважды", wire::mask(nonce)),
                        vec![line(other.exchange), line(ask.exchange)],
                    );
                } else if ask.issued > 1 {
                    check.wrong(
                        format!("nonce {} was issued {} times", wire::mask(nonce), ask.issued),
                        format!("nonce {} выдан {} раза", wire::mask(nonce), ask.issued),
                        vec![line(ask.exchange)],
                    );
                }
            }
        }
    }
    check.end(
        ("no request asked for openid", "ни один запрос не просил openid"),
        ("each openid request bears a fresh nonce", "в каждом запросе openid новый nonce"),
    )
}

fn pkce(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for ask in &reading.asks {
        check.saw(line(ask.exchange));
        let method = ask_param(ask, "code_challenge_method").unwrap_or("-");
        match ask_param(ask, "code_challenge") {
            None => check.wrong("no code_challenge was sent", "code_challenge не отправлен", vec![line(ask.exchange)]),
            Some(_) if method != "S256" => check.wrong(
                format!("code_challenge_method is {method}, wanted S256"),
                format!("code_challenge_method = {method}, нужно S256"),
                vec![line(ask.exchange)],
            ),
            Some(challenge) if wire::base64(challenge).is_none_or(|digest| digest.len() != 32) => check.wrong(
                "code_challenge is no SHA-256 digest in base64url",
                "code_challenge — не SHA-256 в base64url",
                vec![line(ask.exchange)],
            ),
            Some(_) => {}
        }
    }
    for call in &reading.token_calls {
        let Some(verifier) = call.param("code_verifier") else { continue };
        let fits = (43..=128).contains(&verifier.len())
            && verifier.chars().all(|c| c.is_ascii_alphanumeric() || "-._~".contains(c));
        if !fits {
            check.wrong(
                format!(
                    "code_verifier has {} characters or a forbidden one; wanted 43 to 128 unreserved",
                    verifier.chars().count()
                ),
                format!(
                    "code_verifier: {} знаков или недопустимый знак; нужно 43–128 разрешённых",
                    verifier.chars().count()
                ),
                vec![line(call.exchange)],
            );
        }
    }
    check.end(NO_ASKS, ("every request has an S256 challenge", "в каждом запросе PKCE S256"))
}

fn challenge_fresh(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let mut seen: BTreeMap<&str, &Ask<'_>> = BTreeMap::new();
    let asks: Vec<&Ask<'_>> = reading.asks.iter().filter(|ask| ask_param(ask, "code_challenge").is_some()).collect();
    let several = asks.len() > 1 || asks.iter().any(|ask| ask.issued > 1);
    for ask in asks.into_iter().filter(|_| several) {
        check.saw(line(ask.exchange));
        let challenge = ask_param(ask, "code_challenge").unwrap_or_default();
        let before = seen.insert(challenge, ask);
        if before.is_some() || ask.issued > 1 {
            let mut evidence = vec![line(ask.exchange)];
            evidence.extend(before.map(|other| line(other.exchange)));
            check.wrong(
                format!("code_challenge {} was used in more than one flow", wire::mask(challenge)),
                format!("code_challenge {} использован больше чем в одном входе", wire::mask(challenge)),
                evidence,
            );
        }
    }
    check.end(
        ("fewer than two requests with PKCE, nothing to compare", "меньше двух запросов с PKCE, сравнивать нечего"),
        ("no challenge was repeated", "ни один challenge не повторился"),
    )
}

fn verifier_independent(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for call in &reading.token_calls {
        let Some(verifier) = call.param("code_verifier") else { continue };
        check.saw(line(call.exchange));
        for ask in &reading.asks {
            for name in ["state", "nonce", "code_challenge"] {
                let Some(value) = ask_param(ask, name).filter(|value| value.len() >= 8) else { continue };
                if verifier.contains(value) || derived(value).contains(&verifier.to_owned()) {
                    check.wrong(
                        format!("code_verifier follows from the visible {name} {}", wire::mask(value)),
                        format!("code_verifier выводится из видимого {name} {}", wire::mask(value)),
                        vec![line(ask.exchange), line(call.exchange)],
                    );
                }
            }
        }
    }
    check.end(
        ("no code_verifier was sent", "code_verifier не отправлялся"),
        ("no verifier follows from what the browser saw", "проверочные строки не выводятся из видимого в браузере"),
    )
}

/// Digests that a lazy client would call a verifier.
fn derived(value: &str) -> Vec<String> {
    use base64::Engine;
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(value.as_bytes());
    vec![hex::encode(digest), base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest)]
}

fn redirect_uri(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let registered = reading.trace.bank.redirect_uri.as_str();
    for ask in &reading.asks {
        check.saw(line(ask.exchange));
        let sent = ask_param(ask, "redirect_uri").unwrap_or("-");
        if sent != registered {
            check.wrong(
                format!("redirect_uri is {sent}, registered is {registered}"),
                format!("redirect_uri = {sent}, зарегистрирован {registered}"),
                vec![line(ask.exchange)],
            );
        } else if !sent.starts_with("https://") {
            check.wrong(
                format!("redirect_uri {sent} is not https"),
                format!("redirect_uri {sent} не по https"),
                vec![line(ask.exchange)],
            );
        }
    }
    check.end(NO_ASKS, ("every redirect_uri is the registered one", "все redirect_uri совпадают с зарегистрированным"))
}

fn scope(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for ask in &reading.asks {
        let Some(flow) = reading.flow_at(ask.exchange.started_us, ask.citizen) else { continue };
        let Some(asked) = flow.params.get("scopes").and_then(serde_json::Value::as_array) else { continue };
        let asked: Vec<&str> = asked.iter().filter_map(serde_json::Value::as_str).collect();
        check.saw(line(ask.exchange));
        let mut sent = wire::scope_words(ask_param(ask, "scope").unwrap_or_default());
        sent.extend(permissions(ask));
        let covered = |word: &str| {
            let standard = match word {
                "openid" | "offline_access" => true,
                "profile" => asked.iter().any(|name| ["fullname", "birthdate", "gender"].contains(name)),
                "email" => asked.contains(&"contacts"),
                "mobile" | "phone" => asked.iter().any(|name| ["contacts", "mobile", "phone"].contains(name)),
                _ => false,
            };
            standard || asked.contains(&word)
        };
        let extra: Vec<&String> = sent.iter().filter(|word| !covered(word)).collect();
        if !extra.is_empty() {
            check.wrong(
                format!("asked for {extra:?} beyond {asked:?}"),
                format!("запрошено {extra:?} сверх {asked:?}"),
                vec![line(ask.exchange)],
            );
        }
    }
    check.end(
        ("no step says which scopes are needed", "ни один шаг не задаёт нужных областей доступа"),
        ("no request goes beyond what was needed", "ни один запрос не просит лишнего"),
    )
}

/// Scopes inside the `permissions` of a consent request.
fn permissions(ask: &Ask<'_>) -> Vec<String> {
    let decoded = ask_param(ask, "permissions").and_then(wire::base64);
    let Some(list) = decoded.and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok()) else {
        return Vec::new();
    };
    let items = list.as_array().cloned().unwrap_or_default();
    items
        .iter()
        .filter_map(|item| item.get("scopes")?.as_array())
        .flatten()
        .filter_map(|scope| scope.get("sysname").and_then(serde_json::Value::as_str).or_else(|| scope.as_str()))
        .map(str::to_owned)
        .collect()
}

fn front_channel(reading: &Reading<'_>) -> Judgement {
    use contract::exchange::Party;
    let mut check = Check::new();
    let secrets = personal_values(reading);
    let pages = reading
        .exchanges
        .iter()
        .copied()
        .filter(|exchange| exchange.from == Party::Browser && exchange.to == Party::Bank);
    let lied_tokens = |url: &str| {
        reading
            .told(&["redirect-token-in-query"])
            .iter()
            .any(|lie| lie.exchange.and_then(|exchange| wire::got(exchange, "location")) == Some(url))
    };
    for exchange in reading.asks.iter().map(|ask| ask.exchange).chain(pages) {
        let url = exchange.request.url.as_str();
        if lied_tokens(url) {
            continue;
        }
        let readable: String = wire::query(url).into_iter().map(|(name, value)| format!("{name}={value}&")).collect();
        let digits: String = readable.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')' | '+')).collect();
        if reading.asks.iter().any(|ask| std::ptr::eq(ask.exchange, exchange)) {
            check.saw(line(exchange));
        }
        for (name, value) in &secrets {
            if readable.contains(value.as_str()) || digits.contains(value.as_str()) || url.contains(value.as_str()) {
                check.wrong(
                    format!("the address {} holds the citizen’s {name}", wire::path(url)),
                    format!("в адресе {} есть личные данные: {name}", wire::path(url)),
                    vec![line(exchange)],
                );
            }
        }
        if let Some((token, _)) = reading.all_tokens().find(|(token, _)| token.len() > 15 && url.contains(token)) {
            if wire::path(url) == "/oidc/end-session" {
                continue;
            }
            check.wrong(
                format!("the address {} holds the token {}", wire::path(url), wire::mask(token)),
                format!("в адресе {} есть маркер {}", wire::path(url), wire::mask(token)),
                vec![line(exchange)],
            );
        }
    }
    check.end(NO_ASKS, ("no personal data or token in an address", "в адресах нет личных данных и маркеров"))
}

/// Values that identify a person, with separators removed where they are numbers.
fn personal_values(reading: &Reading<'_>) -> Vec<(&'static str, String)> {
    let mut values = Vec::new();
    for person in &reading.trace.people {
        let text =
            |name: &str| person.view.get(name).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
        let number = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
        values.push(("snils", text("snils")));
        values.push(("snils", number(&text("snils"))));
        values.push(("inn", text("inn")));
        values.push(("phone", number(&text("phone"))));
        values.push(("e-mail", text("email")));
        let documents = person.view.get("documents").and_then(serde_json::Value::as_array).cloned().unwrap_or_default();
        for document in documents {
            let part =
                |name: &str| document.get(name).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
            let whole = part("series") + &part("number");
            if whole.len() >= 9 {
                values.push(("document number", whole));
            }
        }
    }
    values.retain(|(_, value)| value.len() >= 9);
    values
}

fn repeated(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let asks = reading.asks.iter().map(|ask| ask.exchange);
    for exchange in asks.chain(reading.token_calls.iter().map(|call| call.exchange)) {
        check.saw(line(exchange));
        for params in [wire::query(&exchange.request.url), wire::form(exchange)] {
            let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
            for (name, _) in &params {
                *counts.entry(name).or_default() += 1;
            }
            for (name, count) in counts.into_iter().filter(|(_, count)| *count > 1) {
                check.wrong(
                    format!("the parameter {name} was sent {count} times"),
                    format!("параметр {name} отправлен {count} раза"),
                    vec![line(exchange)],
                );
            }
        }
    }
    check.end(NO_ASKS, ("no parameter was repeated", "параметры не повторяются"))
}

fn interleaved(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let clean = reading.lies.is_empty() && !reading.acts.iter().any(|(_, act)| act.actor == "attacker");
    let spans: Vec<(&Ask<'_>, i64)> = reading
        .asks
        .iter()
        .filter(|_| clean)
        .filter_map(|ask| {
            let state = ask_param(ask, "state")?;
            let back = reading.callbacks.iter().find(|visit| wire::first(&visit.params, "state") == Some(state))?;
            Some((ask, back.exchange.started_us))
        })
        .collect();
    for (index, (ask, end)) in spans.iter().enumerate() {
        let overlaps = spans.iter().enumerate().any(|(other, (rival, rival_end))| {
            other != index && rival.exchange.started_us < *end && ask.exchange.started_us < *rival_end
        });
        let Some(flow) =
            reading.flow_at(ask.exchange.started_us, ask.citizen).filter(|_| overlaps && ask.citizen.is_some())
        else {
            continue;
        };
        check.saw(flow.evidence());
        if flow.outcome() != Some(contract::adapter::Outcome::Ok) {
            check.wrong(
                format!("the flow of {} did not end well beside another one", flow.who()),
                format!("вход {} не закончился успехом рядом с другим входом", flow.who()),
                vec![line(ask.exchange), flow.evidence()],
            );
        }
        let shown = flow.value("profile").map(wire::leaves).unwrap_or_default();
        for rival in reading.trace.people.iter().filter(|person| Some(person.oid) != ask.citizen) {
            let of_rival = rival.view.get("snils").and_then(serde_json::Value::as_str).unwrap_or("-");
            if shown.iter().any(|value| value == of_rival) {
                check.wrong(
                    format!("the flow of {} shows the data of {}", flow.who(), rival.name),
                    format!("во входе {} показаны данные {}", flow.who(), rival.name),
                    vec![flow.evidence()],
                );
            }
        }
    }
    check.end(
        ("no two flows overlapped", "одновременных входов не было"),
        ("flows at the same time kept apart", "одновременные входы не смешались"),
    )
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use serde_json::json;

    use super::*;
    use crate::finding::Verdict;
    use crate::testkit::*;

    #[test]
    fn what_a_consent_asks_for_counts_as_asked() {
        let asked = |needed: &[&str]| {
            let mut scene = Scene::oidc();
            scene.begin("consent.request", ANNA, json!({"scopes": needed}));
            let (mut pairs, _) = scene.ask_params("openid");
            let wish = json!([{"scopes": [{"sysname": "debts"}, "pension"]}]).to_string();
            set(&mut pairs, "permissions", &base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(wish));
            scene.ask(ANNA, &pairs);
            verdict("REQ-08", &scene)
        };
        assert_eq!(asked(&["debts", "pension"]), Verdict::Pass);
        assert_eq!(asked(&["debts"]), Verdict::Warning);
        assert_eq!(asked(&["pension"]), Verdict::Warning);
    }

    #[test]
    fn eight_different_characters_are_the_least() {
        assert_eq!(entropy_bits(&"1234567".repeat(6)), 0);
        assert!(entropy_bits(&"12345678".repeat(6)) >= ENOUGH_BITS);
    }

    #[test]
    fn bits_go_by_the_alphabet_that_is_seen() {
        assert_eq!(entropy_bits("0123456789abcdef0123456789abcdef"), 128);
        assert_eq!(entropy_bits("0123456789ABCDEF0123456789ABCDEF"), 128);
        assert_eq!(entropy_bits("0123456789ABCDEF0123456789abcdef"), 192);
        assert_eq!(entropy_bits("0123456789ghijkl0123456789ghijkl"), 160);
        assert_eq!(entropy_bits("01234567890123456789"), 66);
    }

    #[test]
    fn weak_states_are_weak() {
        for weak in [
            "1",
            "state-1",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "12345678901234567890",
            "00000000-0000-1000-8000-00805f9b34fb",
        ] {
            assert!(entropy_bits(weak) < ENOUGH_BITS, "{weak}");
        }
        for strong in
            ["9f1c2d6e-6a10-4f0a-9c3b-7f0f5a6b8c21", "q83vEjRWeJASNFZ4kKvN7_w1bZ0", "0123456789abcdeffedcba9876543210"]
        {
            assert!(entropy_bits(strong) >= ENOUGH_BITS, "{strong}");
        }
    }
}
