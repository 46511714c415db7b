//! IDT: the ID token. Each row is one lie told in an otherwise honest token; the judge is common to all.

use contract::adapter::{Outcome, ReasonClass::*};
use serde_json::Value;

use super::{EVERY, LOOKED_ACCEPT, LOOKED_TOKENS, OIDC, ROW, accept, accept_unless, refuse, t};
use crate::finding::Judgement;
use crate::reading::check::Check;
use crate::reading::{Flow, Lie, Reading, line, wire};
use crate::rule::{Judge, Level as Strength, Rule, Severity, Unused};

const LIE: Rule = Rule { requirements: &["IDN-1", "SEC-3"], protocols: EVERY, looked_at: LOOKED_TOKENS, ..ROW };
const ODD: Rule = Rule { requirements: &["IDN-1"], looked_at: LOOKED_ACCEPT, ..LIE };

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "IDT-01",
        slug: "id-token-signature-unchecked",
        severity: Severity::Critical,
        clauses: &["OIDC Core 3.1.3.7(6)", "RFC 7515 5.2"],
        title: t("Испорченная подпись маркера идентификации отвергается", "A broken ID token signature is refused"),
        why: t(
            "Без проверки подписи содержимое маркера может написать кто угодно.",
            "Without checking the signature anybody can write the token’s content.",
        ),
        advice: t(
            "Проверяйте подпись по набору ключей портала до чтения полей.",
            "Verify the signature against the portal’s key set before reading claims.",
        ),
        judge: refuse(&["id-token-signature-broken"], &[Signature], Unused::Tokens),
        ..LIE
    },
    Rule {
        id: "IDT-02",
        slug: "id-token-foreign-key-accepted",
        severity: Severity::Critical,
        clauses: &["OIDC Core 3.1.3.7(6)", "RFC 8725 3.8"],
        title: t(
            "Подпись ключом вне опубликованного набора отвергается",
            "A signature by a key outside the published set is refused",
        ),
        why: t(
            "Верная подпись чужим ключом ничего не говорит о портале.",
            "A good signature by a stranger’s key says nothing about the portal.",
        ),
        advice: t(
            "Берите ключи только из набора, опубликованного портала.",
            "Take keys from the portal’s published set only.",
        ),
        judge: refuse(&["id-token-foreign-key"], &[Signature], Unused::Tokens),
        ..LIE
    },
    Rule {
        id: "IDT-03",
        slug: "id-token-alg-none-accepted",
        severity: Severity::Critical,
        clauses: &["OIDC Core 3.1.3.7(7)", "RFC 8725 3.2", "FAPI2 5.4.1(1)"],
        title: t("Маркер без подписи (alg none) отвергается", "An unsigned token (alg none) is refused"),
        why: t(
            "Алгоритм none отключает проверку по слову самого маркера.",
            "The algorithm none switches the check off on the token’s own word.",
        ),
        advice: t(
            "Задайте допустимые алгоритмы в настройках и не читайте их из маркера.",
            "Fix the allowed algorithms in the configuration; do not read them from the token.",
        ),
        judge: refuse(&["id-token-alg-none"], &[Signature], Unused::Tokens),
        ..LIE
    },
    Rule {
        id: "IDT-04",
        slug: "id-token-alg-none-cased-accepted",
        severity: Severity::Critical,
        clauses: &["RFC 7515 4.1.1"],
        title: t("alg nOnE в любом регистре отвергается", "alg nOnE in any letter case is refused"),
        why: t("Запрет на «none» обходят сменой регистра.", "A ban on “none” is dodged by changing its case."),
        advice: t(
            "Сравнивайте alg со списком допустимых, а не со списком запрещённых.",
            "Compare alg with a list of allowed values, not of forbidden ones.",
        ),
        judge: refuse(&["id-token-alg-none-cased"], &[Signature], Unused::Tokens),
        ..LIE
    },
    Rule {
        id: "IDT-05",
        slug: "id-token-hmac-with-public-key-accepted",
        severity: Severity::Critical,
        clauses: &["RFC 8725 2.1, 3.1"],
        title: t("HMAC на открытом ключе портала отвергается", "An HMAC keyed with the portal’s public key is refused"),
        why: t(
            "Открытый ключ известен всем; как ключ HMAC он подпишет что угодно.",
            "The public key is known to all; as an HMAC key it signs anything.",
        ),
        advice: t(
            "Привяжите алгоритм к ключу: ключ RSA — только RS256.",
            "Tie the algorithm to the key: an RSA key is for RS256 only.",
        ),
        judge: refuse(&["id-token-hs256-public-key"], &[Signature], Unused::Tokens),
        ..LIE
    },
    Rule {
        id: "IDT-07",
        slug: "id-token-other-algorithm-accepted",
        clauses: &["OIDC Core 3.1.3.7(7)"],
        title: t("Алгоритм подписи — только зарегистрированный", "Only the registered signature algorithm is taken"),
        why: t(
            "Свобода выбора алгоритма — это свобода выбрать слабый.",
            "Freedom to choose the algorithm is freedom to choose a weak one.",
        ),
        advice: t(
            "Принимайте только алгоритм, зарегистрированный для вашей системы.",
            "Take only the algorithm registered for your client.",
        ),
        judge: refuse(&["id-token-other-algorithm"], &[Signature], Unused::Tokens),
        ..LIE
    },
    Rule {
        id: "IDT-11",
        slug: "id-token-without-kid-refused",
        severity: Severity::Medium,
        clauses: &["OIDC Core 10.1"],
        title: t("Маркер без kid принимается, если ключ один", "A token without kid is taken where there is one key"),
        why: t("При единственном ключе kid не обязателен.", "With a single key published kid may be left out."),
        advice: t(
            "Если kid нет, а ключ нужного вида один, проверяйте им.",
            "Without kid use the only key of the right kind.",
        ),
        judge: accept_unless(&["id-token-kid-absent"], several_keys),
        ..ODD
    },
    Rule {
        id: "IDT-13",
        slug: "id-token-unknown-kid-accepted",
        severity: Severity::Critical,
        clauses: &["OIDC Core 10.1.1"],
        title: t("Маркер с неизвестным kid отвергается", "A token with an unknown kid is refused"),
        why: t("Неизвестный ключ — не повод пропустить проверку.", "An unknown key is no reason to skip the check."),
        advice: t(
            "Обновите набор ключей один раз и, если ключа нет, откажите.",
            "Fetch the key set once more; if the key is not there, refuse.",
        ),
        judge: refuse(&["id-token-kid-unknown"], &[Signature], Unused::Tokens),
        ..LIE
    },
    Rule {
        id: "IDT-16",
        slug: "id-token-jku-fetched",
        severity: Severity::Critical,
        clauses: &["RFC 8725 3.10", "ASVS 9.1.3"],
        title: t(
            "Ключ по адресу из маркера (jku) не запрашивается",
            "A key address in the token (jku) is never fetched",
        ),
        why: t(
            "Адрес ключа в маркере — это ключ злоумышленника и заодно запрос из вашей сети.",
            "A key address in the token is the attacker’s key, and a request from inside your network.",
        ),
        advice: t("Не читайте jku и x5u.", "Ignore jku and x5u."),
        judge: refuse(&["id-token-jku"], &[Signature], Unused::Tokens),
        ..LIE
    },
    Rule {
        id: "IDT-17",
        slug: "id-token-embedded-key-trusted",
        severity: Severity::Critical,
        clauses: &["RFC 8725 3.10", "RFC 7515 4.1.3"],
        title: t("Ключ внутри маркера (jwk) не считается доверенным", "A key inside the token (jwk) is not trusted"),
        why: t(
            "Маркер, приносящий свой ключ, подтверждает только сам себя.",
            "A token that brings its own key vouches for itself only.",
        ),
        advice: t("Не читайте jwk из заголовка.", "Ignore jwk in the header."),
        judge: refuse(&["id-token-jwk-header"], &[Signature], Unused::Tokens),
        ..LIE
    },
    Rule {
        id: "IDT-19",
        slug: "id-token-crit-ignored",
        severity: Severity::Medium,
        clauses: &["RFC 7515 4.1.11"],
        title: t(
            "Неизвестное критическое расширение (crit) отвергается",
            "An unknown critical extension (crit) is refused",
        ),
        why: t("crit означает: не понимаешь — не принимай.", "crit means: do not take what you do not understand."),
        advice: t("Отвергайте маркер с незнакомым именем в crit.", "Refuse a token with an unknown name in crit."),
        judge: refuse(&["id-token-crit"], &[Signature, Format], Unused::Tokens),
        ..LIE
    },
    Rule {
        id: "IDT-20",
        slug: "id-token-kind-confused",
        clauses: &["RFC 8725 3.11, 3.12", "ASVS 9.2.2"],
        title: t(
            "Маркер другого вида на месте id_token отвергается",
            "A token of another kind in place of the ID token is refused",
        ),
        why: t(
            "Маркер доступа подписан тем же ключом, но не говорит, кто вошёл.",
            "An access token is signed by the same key but does not say who signed in.",
        ),
        advice: t(
            "Проверяйте вид маркера (sbt, typ) и обязательные поля.",
            "Check the token’s kind (sbt, typ) and its required claims.",
        ),
        judge: refuse(&["id-token-other-kind"], &[Signature, Audience, Format], Unused::Tokens),
        ..LIE
    },
    Rule {
        id: "IDT-26",
        slug: "id-token-issuer-unchecked",
        severity: Severity::Critical,
        clauses: &["OIDC Core 3.1.3.7(2)"],
        title: t("Чужой издатель (iss) отвергается", "A wrong issuer (iss) is refused"),
        why: t(
            "Маркер другого сервера не подтверждает вход через портал.",
            "Another server’s token does not prove a sign-in at the portal.",
        ),
        advice: t("Сравните iss с настроенным издателем.", "Compare iss with the configured issuer."),
        judge: refuse(&["id-token-iss-wrong"], &[Issuer], Unused::Tokens),
        ..LIE
    },
    Rule {
        id: "IDT-27",
        slug: "id-token-issuer-absence-accepted",
        clauses: &["OIDC Core 2"],
        title: t("Маркер без издателя отвергается", "A token without issuer is refused"),
        why: t(
            "Отсутствующее поле не проходит проверку само собой.",
            "A missing claim does not pass a check by itself.",
        ),
        advice: t("Требуйте iss.", "Demand iss."),
        judge: refuse(&["id-token-iss-absent"], &[Issuer, Format], Unused::Tokens),
        ..LIE
    },
    Rule {
        id: "IDT-28",
        slug: "id-token-issuer-normalised",
        severity: Severity::Medium,
        clauses: &["OIDC Core 3.1.3.7(2)"],
        title: t("Издатель сравнивается посимвольно", "The issuer is compared character by character"),
        why: t("Лишняя косая черта — уже другой издатель.", "One slash more is another issuer."),
        advice: t("Сравнивайте строку целиком, без нормализации.", "Compare the whole string without normalising."),
        judge: refuse(&["id-token-iss-slash"], &[Issuer], Unused::Tokens),
        ..LIE
    },
    Rule {
        id: "IDT-29",
        slug: "id-token-audience-unchecked",
        severity: Severity::Critical,
        clauses: &["OIDC Core 3.1.3.7(3)", "ASVS 10.5.4"],
        title: t("Маркер для другой системы отвергается", "A token for another client is refused"),
        why: t(
            "Иначе любая другая система портала войдёт к вам под своими людьми.",
            "Otherwise any other client of the portal can sign people in at yours.",
        ),
        advice: t("Требуйте в aud свой client_id.", "Demand your client id in aud."),
        judge: refuse(&["id-token-aud-other"], &[Audience], Unused::Tokens),
        ..LIE
    },
    Rule {
        id: "IDT-30",
        slug: "id-token-audience-absence-accepted",
        clauses: &["OIDC Core 2"],
        title: t("Маркер без адресата отвергается", "A token without audience is refused"),
        why: t("Маркер ни для кого — маркер для кого угодно.", "A token for nobody is a token for anybody."),
        advice: t("Требуйте aud.", "Demand aud."),
        judge: refuse(&["id-token-aud-absent"], &[Audience, Format], Unused::Tokens),
        ..LIE
    },
    Rule {
        id: "IDT-31",
        slug: "id-token-audience-array-refused",
        severity: Severity::Medium,
        clauses: &["OIDC Core 2", "RFC 7519 4.1.3"],
        title: t("aud списком из одного своего client_id принимается", "aud as an array of the own id is taken"),
        why: t("Стандарт допускает и строку, и список.", "The standard allows a string as well as an array."),
        advice: t("Читайте aud и как строку, и как список.", "Read aud as a string and as an array."),
        judge: accept(&["id-token-aud-array"]),
        ..ODD
    },
    Rule {
        id: "IDT-32",
        slug: "id-token-extra-audience-accepted",
        clauses: &["OIDC Core 3.1.3.7(3)"],
        title: t("Посторонний адресат рядом со своим отвергается", "An unknown audience beside the own one is refused"),
        why: t(
            "Маркер, общий с незнакомой системой, может быть предъявлен ею.",
            "A token shared with an unknown client can be shown by it.",
        ),
        advice: t("Отвергайте маркер с незнакомым адресатом в aud.", "Refuse a token with an unknown audience."),
        judge: refuse(&["id-token-aud-extra"], &[Audience], Unused::Tokens),
        ..LIE
    },
    Rule {
        id: "IDT-33",
        slug: "id-token-azp-unchecked",
        level: Strength::S,
        severity: Severity::Medium,
        clauses: &["OIDC Core 3.1.3.7(5)"],
        title: t("azp другой системы отвергается", "azp of another client is refused"),
        why: t("azp называет того, кому маркер выдан.", "azp names the party to which the token was issued."),
        advice: t("Если azp есть, сравните его с client_id.", "Where azp is present compare it with your client id."),
        judge: refuse(&["id-token-azp-other"], &[Audience], Unused::Tokens),
        ..LIE
    },
    Rule {
        id: "IDT-35",
        slug: "id-token-expiry-unchecked",
        severity: Severity::Critical,
        clauses: &["OIDC Core 3.1.3.7(9)", "ASVS 9.2.1"],
        title: t("Истёкший маркер отвергается", "An expired token is refused"),
        why: t(
            "Старый маркер мог утечь; срок — последняя защита.",
            "An old token may have leaked; its expiry is the last defence.",
        ),
        advice: t(
            "Сравните exp с текущим временем с допуском не больше минуты.",
            "Compare exp with the clock, with a minute of tolerance at most.",
        ),
        judge: refuse(&["id-token-exp-past"], &[Time], Unused::Tokens),
        ..LIE
    },
    Rule {
        id: "IDT-38",
        slug: "id-token-expiry-absence-accepted",
        clauses: &["OIDC Core 2"],
        title: t("Маркер без срока отвергается", "A token without expiry is refused"),
        why: t("Без exp маркер вечен.", "Without exp a token lives for ever."),
        advice: t("Требуйте exp.", "Demand exp."),
        judge: refuse(&["id-token-exp-absent"], &[Time, Format], Unused::Tokens),
        ..LIE
    },
    Rule {
        id: "IDT-39",
        slug: "id-token-expiry-as-text-accepted",
        severity: Severity::Medium,
        clauses: &["RFC 7519 2, 4.1.4"],
        title: t("exp строкой отвергается", "exp as a string is refused"),
        why: t("Строка, сравнённая с числом, даёт что угодно.", "A string compared with a number yields anything."),
        advice: t("Принимайте exp только числом.", "Take exp as a number only."),
        judge: refuse(&["id-token-exp-string"], &[Time, Format], Unused::Tokens),
        ..LIE
    },
    Rule {
        id: "IDT-40",
        slug: "id-token-iat-absence-accepted",
        severity: Severity::Medium,
        clauses: &["OIDC Core 2"],
        title: t("Маркер без времени выпуска отвергается", "A token without time of issue is refused"),
        why: t("Без iat нельзя понять, насколько маркер стар.", "Without iat nobody can tell how old the token is."),
        advice: t("Требуйте iat.", "Demand iat."),
        judge: refuse(&["id-token-iat-absent"], &[Time, Format], Unused::Tokens),
        ..LIE
    },
    Rule {
        id: "IDT-41",
        slug: "id-token-old-iat-accepted",
        level: Strength::S,
        severity: Severity::Medium,
        clauses: &["OIDC Core 3.1.3.7(10)"],
        title: t("Маркер недельной давности отвергается", "A token issued a week ago is refused"),
        why: t(
            "Маркер выпускается в ходе входа; старый — повторённый.",
            "A token is issued during the sign-in; an old one is a replay.",
        ),
        advice: t("Ограничьте возраст iat минутами.", "Limit the age of iat to minutes."),
        judge: refuse(&["id-token-iat-old"], &[Time], Unused::Tokens),
        ..LIE
    },
    Rule {
        id: "IDT-42",
        slug: "id-token-future-iat-accepted",
        level: Strength::S,
        severity: Severity::Medium,
        clauses: &["OIDC Core 3.1.3.7(10)", "FAPI2 5.3.2.1(13)"],
        title: t("Маркер из будущего отвергается", "A token from the future is refused"),
        why: t("iat впереди часов — ошибка или подделка.", "An iat ahead of the clock is wrong or forged."),
        advice: t("Допускайте iat впереди не больше чем на минуту.", "Allow iat a minute ahead at most."),
        judge: refuse(&["id-token-iat-ahead"], &[Time], Unused::Tokens),
        ..LIE
    },
    Rule {
        id: "IDT-43",
        slug: "id-token-not-before-unchecked",
        severity: Severity::Medium,
        clauses: &["RFC 7519 4.1.5"],
        title: t("Маркер, ещё не действующий (nbf), отвергается", "A token not yet valid (nbf) is refused"),
        why: t("nbf запрещает принимать маркер раньше срока.", "nbf forbids taking the token before its time."),
        advice: t("Сравните nbf с текущим временем.", "Compare nbf with the clock."),
        judge: refuse(&["id-token-nbf-ahead"], &[Time], Unused::Tokens),
        ..LIE
    },
    Rule {
        id: "IDT-44",
        slug: "nonce-not-compared",
        severity: Severity::Critical,
        protocols: OIDC,
        clauses: &["OIDC Core 3.1.3.7(11)", "ASVS 10.5.1"],
        title: t("Чужой nonce отвергается", "A wrong nonce is refused"),
        why: t(
            "nonce — единственное, что связывает маркер с этим входом.",
            "nonce is all that ties the token to this sign-in.",
        ),
        advice: t("Сравните nonce с сохранённым в сеансе.", "Compare nonce with the one kept in the session."),
        judge: refuse(&["id-token-nonce-wrong"], &[Replay, Binding, State], Unused::Tokens),
        ..LIE
    },
    Rule {
        id: "IDT-45",
        slug: "nonce-absence-accepted",
        protocols: OIDC,
        clauses: &["OIDC Core 3.1.3.7(11)"],
        title: t(
            "Маркер без nonce отвергается, если nonce отправлен",
            "A token without nonce is refused where one was sent",
        ),
        why: t(
            "Проверку, зависящую от наличия поля, отключает его отсутствие.",
            "A check that depends on the claim’s presence is switched off by its absence.",
        ),
        advice: t("Если отправили nonce, требуйте его обратно.", "If you sent nonce, demand it back."),
        judge: refuse(&["id-token-nonce-absent"], &[Replay, Binding, State, Format], Unused::Tokens),
        ..LIE
    },
    Rule {
        id: "IDT-46",
        slug: "id-token-of-earlier-flow-accepted",
        severity: Severity::Critical,
        protocols: OIDC,
        clauses: &["OIDC Core 3.1.3.7(11)"],
        title: t("Маркер прошлого входа отвергается", "The token of an earlier flow is refused"),
        why: t(
            "Украденный старый маркер подписан верно и ещё не истёк.",
            "A stolen old token is well signed and not yet expired.",
        ),
        advice: t(
            "Связывайте маркер с входом через nonce и гасите его при использовании.",
            "Tie the token to the flow by nonce and spend it at use.",
        ),
        judge: refuse(&["id-token-replayed"], &[Replay, Binding, State], Unused::Tokens),
        ..LIE
    },
    Rule {
        id: "IDT-47",
        slug: "id-token-subject-absence-accepted",
        severity: Severity::Critical,
        clauses: &["OIDC Core 2"],
        title: t("Маркер без субъекта отвергается", "A token without subject is refused"),
        why: t("Без sub неизвестно, кто вошёл.", "Without sub nobody knows who signed in."),
        advice: t(
            "Требуйте непустой sub до любых дальнейших обращений.",
            "Demand a non-empty sub before any further call.",
        ),
        judge: refuse(&["id-token-sub-absent"], &[Format], Unused::Tokens),
        ..LIE
    },
    Rule {
        id: "IDT-50",
        slug: "assurance-too-low-accepted",
        severity: Severity::Critical,
        clauses: &["OIDC Core 3.1.3.7(12)", "ASVS 10.3.4"],
        title: t("Уровень входа ниже нужного отвергается", "An assurance lower than needed is refused"),
        why: t(
            "Операция, требующая второго фактора, не должна проходить по паролю.",
            "An operation that needs a second factor must not pass on a password.",
        ),
        advice: t(
            "Сравните acr и amr с тем, что нужно операции.",
            "Compare acr and amr with what the operation needs.",
        ),
        judge: refuse(&["id-token-acr-lower"], &[Level], Unused::Tokens),
        ..LIE
    },
    Rule {
        id: "IDT-55",
        slug: "at-hash-unchecked",
        level: Strength::S,
        severity: Severity::Medium,
        protocols: OIDC,
        clauses: &["OIDC Core 3.1.3.8"],
        title: t("Неверный at_hash отвергается", "A wrong at_hash is refused"),
        why: t(
            "at_hash связывает маркер доступа с маркером идентификации.",
            "at_hash ties the access token to the ID token.",
        ),
        advice: t("Если at_hash есть, сверьте его.", "Where at_hash is present, check it."),
        judge: refuse(&["id-token-at-hash-wrong"], &[Binding, Signature], Unused::Tokens),
        ..LIE
    },
    Rule {
        id: "IDT-56",
        slug: "at-hash-absence-refused",
        severity: Severity::Low,
        protocols: OIDC,
        clauses: &["OIDC Core 3.1.3.6"],
        title: t("Маркер без at_hash принимается", "A token without at_hash is taken"),
        why: t("В потоке с кодом at_hash не обязателен.", "In the code flow at_hash is optional."),
        advice: t("Не требуйте at_hash.", "Do not demand at_hash."),
        judge: accept(&["id-token-at-hash-absent"]),
        ..ODD
    },
    Rule {
        id: "IDT-60",
        slug: "account-keyed-by-email",
        severity: Severity::Critical,
        requirements: &["IDN-1", "SEC-8"],
        clauses: &["OIDC Core 5.7", "ASVS 10.5.2"],
        title: t("Два человека с одной почтой — два клиента", "Two people with one e-mail are two customers"),
        why: t(
            "Почту и телефон меняют и делят; учётную запись определяет только пара издателя и субъекта.",
            "E-mail and phone change and are shared; only issuer and subject name an account.",
        ),
        looked_at: t(
            "Входы двух людей с одинаковой почтой или телефоном: выданные банком обозначения клиентов различны.",
            "Sign-ins of two people with the same e-mail or phone: the bank’s customer handles differ.",
        ),
        advice: t("Храните клиента по паре iss + sub.", "Key customers by iss and sub."),
        judge: Judge::Duty(two_customers),
        ..LIE
    },
    Rule {
        id: "IDT-62",
        slug: "unconfirmed-account-accepted",
        level: Strength::P,
        requirements: &["IDN-1", "IDN-7"],
        clauses: &["portal protocol: account levels", "115-FZ art. 7"],
        title: t(
            "Неподтверждённая учётная запись не открывает то, для чего нужна подтверждённая",
            "An unconfirmed account does not open what needs a confirmed one",
        ),
        why: t(
            "Личность неподтверждённой учётной записи никто не проверял.",
            "Nobody has checked the identity behind an unconfirmed account.",
        ),
        looked_at: t(
            "Вход человека с неподтверждённой записью в операцию уровня «confirmed»: отказ с причиной «level».",
            "A sign-in with an unconfirmed account for an operation of level “confirmed”: refused with the reason “level”.",
        ),
        advice: t(
            "Проверьте уровень учётной записи (trusted, urn:esia:sbj:is_tru) до операции.",
            "Check the account level (trusted, urn:esia:sbj:is_tru) before the operation.",
        ),
        judge: Judge::Duty(unconfirmed),
        ..LIE
    },
];

fn two_customers(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let links: Vec<_> = reading
        .flows
        .iter()
        .filter(|flow| flow.action == "customer.link" && flow.outcome() == Some(Outcome::Ok))
        .filter(|flow| {
            reading
                .token_calls
                .iter()
                .any(|call| call.answer.is_some() && call.citizen == reading.citizen_of_flow(flow))
        })
        .collect();
    for (index, one) in links.iter().enumerate() {
        for other in &links[index + 1..] {
            let (Some(first), Some(second)) = (one.person, other.person) else { continue };
            let shared = ["email", "phone"].iter().find(|name| {
                let value = first.view.get(**name).and_then(Value::as_str);
                value.is_some_and(|value| !value.is_empty()) && value == second.view.get(**name).and_then(Value::as_str)
            });
            let Some(shared) = shared.filter(|_| first.oid != second.oid) else { continue };
            check.saw(one.evidence());
            check.saw(other.evidence());
            let handles =
                (one.last().and_then(|r| r.customer.as_deref()), other.last().and_then(|r| r.customer.as_deref()));
            match handles {
                (Some(a), Some(b)) if a == b => check.wrong(
                    format!("{} and {} share the {shared} and became one customer {a}", first.name, second.name),
                    format!("{} и {} с одинаковым полем {shared} стали одним клиентом {a}", first.name, second.name),
                    vec![one.evidence(), other.evidence()],
                ),
                (Some(_), Some(_)) => {}
                _ => check.unproved(
                    "the bank gave no customer handle",
                    "банк не дал обозначения клиента",
                    vec![one.evidence(), other.evidence()],
                ),
            }
        }
    }
    check.end(
        ("no two people with a common e-mail or phone signed in", "не было двух людей с общей почтой или телефоном"),
        ("people with a common e-mail are different customers", "люди с общей почтой — разные клиенты"),
    )
}

fn unconfirmed(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for flow in &reading.flows {
        let wants = flow.params.get("level").and_then(Value::as_str) == Some("confirmed");
        let Some(person) = flow.person.filter(|_| wants) else { continue };
        let account = person.view.get("account").and_then(Value::as_str).unwrap_or("confirmed");
        let begun = reading
            .asks
            .iter()
            .find(|ask| ask.exchange.started_us >= flow.start_us && ask.citizen.is_none_or(|oid| oid == person.oid));
        let Some(ask) = begun.filter(|_| account != "confirmed") else { continue };
        check.saw(line(ask.exchange));
        check.saw(flow.evidence());
        let class = flow.last().and_then(|report| report.reason.as_ref()).map(|reason| reason.class);
        match (flow.outcome(), class) {
            (Some(Outcome::Ok), _) => check.wrong(
                format!(
                    "the account of {} is {account}, a confirmed one was needed, and the bank reported ok",
                    person.name
                ),
                format!("учётная запись {} — {account}, нужна подтверждённая, а банк сообщил об успехе", person.name),
                vec![flow.evidence()],
            ),
            (Some(Outcome::Refused), Some(Level)) => {}
            (Some(Outcome::Refused), _) => check.odd(
                "refused, but with another reason than level",
                "отказ есть, но причина не level",
                vec![flow.evidence()],
            ),
            _ => check.unproved(
                "the flow did not end in a refusal",
                "сценарий не закончился отказом",
                vec![flow.evidence()],
            ),
        }
    }
    check.end(
        ("no unconfirmed person tried what needs a confirmed account", "такой попытки не было"),
        ("the unconfirmed account was refused", "неподтверждённой учётной записи отказано"),
    )
}

/// Among several published keys one without a name cannot be found (OpenID Connect Core 1.0 §10.1): a bank that looked at
/// a set of several, or at none in this recording, was free to refuse.
fn several_keys(reading: &Reading<'_>, _: &Lie<'_>, _: &Flow<'_>) -> Option<(String, String)> {
    let seen = reading.key_fetches().into_iter().filter_map(wire::answer_json).next_back();
    let keys = seen.and_then(|set| Some(set.get("keys")?.as_array()?.len()));
    (keys != Some(1)).then(|| {
        (
            "the bank did not see a key set of one key, so it may demand kid".to_owned(),
            "банк не видел набора из одного ключа и вправе требовать kid".to_owned(),
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::finding::Verdict;
    use crate::testkit::*;

    #[test]
    fn two_people_are_compared_only_where_they_share_an_address() {
        let linked = |email: &str, phone: &str| {
            let mut scene = Scene::oidc();
            scene.trace.people[1].view["email"] = json!(email);
            scene.trace.people[1].view["phone"] = json!(phone);
            scene.link(ANNA);
            scene.link(BORIS);
            verdict("IDT-60", &scene)
        };
        assert_eq!(linked("common@mail.example", "+7(000)0000007"), Verdict::Pass);
        assert_eq!(linked("other@mail.example", "+7(000)0000006"), Verdict::Pass);
        assert_eq!(linked("other@mail.example", "+7(000)0000007"), Verdict::NotApplicable);
    }

    #[test]
    fn an_unconfirmed_person_counts_once_the_bank_asked_the_portal_about_them() {
        let play = |account: &str,
                    level: &str,
                    asked: Option<i64>,
                    early: bool,
                    said: Outcome,
                    class: contract::adapter::ReasonClass| {
            let mut scene = Scene::oidc();
            scene.trace.people[0].view["account"] = json!(account);
            let (pairs, _) = scene.ask_params("openid");
            if early {
                asked.map(|oid| scene.ask(oid, &pairs));
            }
            let flow = scene.begin("customer.link", ANNA, json!({"level": level}));
            if !early {
                asked.map(|oid| scene.ask(oid, &pairs));
            }
            scene.report(&flow, said, (said == Outcome::Refused).then_some(class), json!({}));
            verdict("IDT-62", &scene)
        };
        use Outcome::{Error, Ok, Refused};
        assert_eq!(play("standard", "confirmed", Some(ANNA), false, Refused, Level), Verdict::Pass);
        assert_eq!(play("standard", "confirmed", Some(ANNA), false, Refused, Time), Verdict::Warning);
        assert_eq!(play("standard", "confirmed", Some(ANNA), false, Error, Level), Verdict::Inconclusive);
        assert_eq!(play("standard", "confirmed", Some(ANNA), false, Ok, Level), Verdict::Fail);
        assert_eq!(play("standard", "confirmed", Some(BORIS), false, Ok, Level), Verdict::NotApplicable);
        assert_eq!(play("standard", "confirmed", Some(ANNA), true, Ok, Level), Verdict::NotApplicable);
        assert_eq!(play("standard", "confirmed", None, false, Ok, Level), Verdict::NotApplicable);
        assert_eq!(play("standard", "standard", Some(ANNA), false, Ok, Level), Verdict::NotApplicable);
        assert_eq!(play("confirmed", "confirmed", Some(ANNA), false, Ok, Level), Verdict::NotApplicable);
    }
}
