//! The catalogue of faults: the lies that the portal can be told to tell. What each does is code of the portal; that it
//! exists, and where it shows, is part of the contract, so that a scenario with a misspelt slug stops before it runs.

use serde::Serialize;

/// A lie that can be armed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FaultMeta {
    /// Its name.
    pub slug: &'static str,
    /// Where it shows.
    pub place: Place,
    /// What it does.
    pub about_en: &'static str,
    /// The same in Russian.
    pub about_ru: &'static str,
}

/// Where a lie shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// `/api/v1`.
    Api,
    /// Deliveries of events.
    Hook,
    /// Header, claims or signature of the id token.
    IdToken,
    /// `/.well-known/jwks.json` and what signs.
    Keys,
    /// The redirect back to the bank.
    Redirect,
    /// The refresh grant.
    Refresh,
    /// Personal data: `/rs/prns/{oid}` and `/oidc/userinfo`.
    Resource,
    /// The handshake of the sandbox's listener: takes the whole lane.
    Tls,
    /// The answer of the token endpoint.
    Token,
}

/// The lie of this name.
pub fn find(slug: &str) -> Option<&'static FaultMeta> {
    FAULTS.iter().find(|fault| fault.slug == slug)
}

macro_rules! faults {
    ($($place:ident { $($slug:literal: $en:literal / $ru:literal;)* })*) => {
        /// Every lie, by place.
        pub const FAULTS: &[FaultMeta] = &[
            $($(FaultMeta { slug: $slug, place: Place::$place, about_en: $en, about_ru: $ru },)*)*
        ];
    };
}

faults! {
    Redirect {
        "code-long": "a good code of more than four thousand characters" / "верный код длиннее четырёх тысяч знаков";
        "redirect-code-and-error": "a code and an error in one answer" / "код и ошибка в одном ответе";
        "redirect-code-twice": "the parameter code twice" / "параметр code дважды";
        "redirect-error": "an error instead of a code (params.error, default access_denied)" / "ошибка вместо кода (params.error, по умолчанию access_denied)";
        "redirect-error-markup": "an error whose description holds HTML and line breaks" / "ошибка, в описании которой HTML и переводы строк";
        "redirect-error-state-wrong": "an error under another state comes first, the right answer after it" / "сначала ошибка с чужим state, затем верный ответ";
        "redirect-extra-params": "a good answer with parameters that nobody knows" / "верный ответ с неизвестными параметрами";
        "redirect-iss-absent": "no iss in the answer" / "в ответе нет iss";
        "redirect-iss-slash": "iss with a slash more" / "iss с лишней косой чертой";
        "redirect-iss-wrong": "iss of another issuer" / "iss другого издателя";
        "redirect-state-missing": "no state in the answer" / "в ответе нет state";
        "redirect-state-of-finished-flow": "the state of a flow that has ended" / "state завершённого сценария";
        "redirect-state-of-other-flow": "the state of another person's live flow" / "state идущего сценария другого человека";
        "redirect-state-twice": "the parameter state twice" / "параметр state дважды";
        "redirect-state-wrong": "a state that the bank never sent" / "state, которого банк не посылал";
        "redirect-token-in-query": "a token beside the code" / "маркер рядом с кодом";
    }
    Token {
        "token-access-absent": "no access_token" / "нет access_token";
        "token-connection-cut": "the connection is cut before the answer" / "соединение рвётся до ответа";
        "token-error-with-200": "an error under status 200" / "ошибка со статусом 200";
        "token-expires-absent": "no expires_in" / "нет expires_in";
        "token-html": "a page of HTML under status 200" / "страница HTML со статусом 200";
        "token-id-absent": "no id_token" / "нет id_token";
        "token-invalid-client": "invalid_client (007002) to a good request" / "invalid_client (007002) на верный запрос";
        "token-invalid-grant": "invalid_grant (007011) to a good code" / "invalid_grant (007011) на верный код";
        "token-large": "good tokens of many kilobytes" / "верные маркеры во много килобайт";
        "token-redirect-foreign": "a redirect to a stranger's host (params.status: 302, 307 or 308)" / "перенаправление на чужой узел (params.status: 302, 307 или 308)";
        "token-refresh-absent": "no refresh_token although offline was asked" / "нет refresh_token, хотя просили offline";
        "token-scope-absent": "no scope" / "нет scope";
        "token-scope-narrower": "fewer scopes granted than asked (params.drop: which is left out)" / "выдано меньше областей, чем просили (params.drop: какая убрана)";
        "token-signature-refused": "client_secret refused (007053) although it is right" / "отказ в client_secret (007053), хотя он верен";
        "token-status-500": "status 500 after the code was taken" / "статус 500 после того, как код принят";
        "token-type-case": "token_type in small letters" / "token_type строчными буквами";
        "token-type-unknown": "a token_type that nobody knows" / "неизвестный token_type";
        "token-unknown-members": "members that nobody knows" / "неизвестные поля";
    }
    IdToken {
        "id-token-acr-lower": "a lower level of authentication than asked" / "уровень входа ниже запрошенного";
        "id-token-alg-none": "alg none and no signature" / "alg none без подписи";
        "id-token-alg-none-cased": "alg nOnE and no signature" / "alg nOnE без подписи";
        "id-token-at-hash-absent": "no at_hash" / "нет at_hash";
        "id-token-at-hash-wrong": "at_hash of another token" / "at_hash другого маркера";
        "id-token-aud-absent": "no aud" / "нет aud";
        "id-token-aud-array": "aud as an array of the one right value" / "aud массивом из одного верного значения";
        "id-token-aud-extra": "a second, untrusted audience" / "второй, посторонний получатель";
        "id-token-aud-other": "aud of another system" / "aud другой системы";
        "id-token-azp-other": "azp of another system" / "azp другой системы";
        "id-token-crit": "a critical header that nobody knows" / "неизвестный заголовок в crit";
        "id-token-exp-absent": "no exp" / "нет exp";
        "id-token-exp-past": "exp long past" / "exp давно прошёл";
        "id-token-exp-string": "exp as text" / "exp текстом";
        "id-token-foreign-key": "signed by a stranger's key under the right kid" / "подписан чужим ключом с верным kid";
        "id-token-hs256-public-key": "HMAC with the public key as secret" / "HMAC с открытым ключом вместо секрета";
        "id-token-iat-absent": "no iat" / "нет iat";
        "id-token-iat-ahead": "iat far ahead" / "iat далеко впереди";
        "id-token-iat-old": "iat very old" / "iat очень старый";
        "id-token-iss-absent": "no iss" / "нет iss";
        "id-token-iss-slash": "iss with one slash more or less" / "iss с лишней или недостающей косой чертой";
        "id-token-iss-wrong": "iss of another issuer" / "iss другого издателя";
        "id-token-jku": "jku points to a stranger's keys, and they sign" / "jku указывает на чужие ключи, ими и подписано";
        "id-token-jwk-header": "the key that signs is in the header" / "подписавший ключ лежит в заголовке";
        "id-token-kid-absent": "no kid" / "нет kid";
        "id-token-kid-unknown": "a kid that is not published" / "kid, которого нет среди опубликованных";
        "id-token-nbf-ahead": "nbf far ahead" / "nbf далеко впереди";
        "id-token-nonce-absent": "no nonce" / "нет nonce";
        "id-token-nonce-wrong": "a nonce that the bank never sent" / "nonce, которого банк не посылал";
        "id-token-other-algorithm": "signed well by another algorithm than registered" / "верно подписан не тем алгоритмом, что зарегистрирован";
        "id-token-other-kind": "an access token in its place" / "на его месте маркер доступа";
        "id-token-replayed": "the id token of the person's earlier flow" / "id_token из прежнего входа того же человека";
        "id-token-signature-broken": "one bit of the signature is turned" / "в подписи изменён один бит";
        "id-token-sub-absent": "nothing says who it is" / "не сказано, о ком маркер";
    }
    Keys {
        "key-alg-differs": "the published key names another algorithm" / "у опубликованного ключа другой алгоритм";
        "key-use-enc": "the published key is for encryption" / "опубликованный ключ предназначен для шифрования";
        "keys-empty": "an empty key set" / "пустой набор ключей";
        "keys-rotated": "new keys sign; old ones stay published for a while" / "подписывают новые ключи; старые ещё опубликованы";
        "keys-same-kid-other-key": "another key under the same kid" / "другой ключ под тем же kid";
        "keys-unknown-type-beside": "a key of unknown type beside the good one" / "рядом с верным ключ неизвестного вида";
        "keys-unreachable": "the key set answers 503 and the kid is unknown" / "набор ключей отвечает 503, а kid неизвестен";
    }
    Resource {
        "person-field-absent": "a granted field is absent (params.field)" / "согласованного поля нет (params.field)";
        "person-field-null": "a granted field is null (params.field)" / "согласованное поле равно null (params.field)";
        "person-line-break": "a line break in the person's name" / "перевод строки в имени";
        "person-more-than-consented": "a field that was not granted, with a value that can be found again" / "поле, на которое согласия нет, с приметным значением";
        "resource-401-forever": "401 to every call" / "401 на каждый вызов";
        "resource-401-once": "401 to the first call" / "401 на первый вызов";
        "resource-403-scope": "403 for want of scope" / "403 из-за области доступа";
        "resource-redirect-foreign": "a redirect to a stranger's host" / "перенаправление на чужой узел";
        "userinfo-sub-absent": "no sub" / "нет sub";
        "userinfo-sub-differs": "sub of another person" / "sub другого человека";
    }
    Refresh {
        "refresh-invalid-grant": "invalid_grant to a good refresh token" / "invalid_grant на верный маркер обновления";
        "refresh-token-kept": "no new refresh token in the answer; the old one goes on" / "нового маркера обновления нет, служит старый";
    }
    Api {
        "answer-empty": "status 200 and an empty body" / "статус 200 и пустое тело";
        "answer-extra-members": "members that nobody knows" / "неизвестные поля";
        "answer-html": "a page of HTML under status 200" / "страница HTML со статусом 200";
        "answer-lost-once": "the connection is cut after the work was done, once" / "соединение рвётся один раз, когда всё уже сделано";
        "answer-truncated": "a body shorter than its Content-Length" / "тело короче своего Content-Length";
        "api-redirect-foreign": "a redirect to a stranger's host" / "перенаправление на чужой узел";
        "client-error": "a refusal that no repeat can mend (params.status: 400, 404, 410 or 422)" / "отказ, который повтором не исправить (params.status: 400, 404, 410 или 422)";
        "consent-record-other-purpose": "the consent record names another purpose" / "в записи о согласии другая цель";
        "consent-record-wider": "the consent record names more data" / "в записи о согласии больше данных";
        "consent-revoke-unavailable": "503 to the bank's revocation, once" / "503 на отзыв со стороны банка, один раз";
        "payment-amount-differs": "the payment's answer names another amount" / "в ответе на платёж другая сумма";
        "payment-answer-lost": "the payment is taken and its answer lost" / "платёж принят, а ответ потерян";
        "payment-conflict": "409 once, although nothing conflicts" / "409 один раз, хотя противоречия нет";
        "payment-unprocessable": "422 for the idempotency key" / "422 из-за ключа идемпотентности";
        "pension-deferred": "the pension answer is deferred (202)" / "ответ о пенсии отложен (202)";
        "problem-internals": "a problem document with a stack trace in it" / "описание ошибки с внутренностями программы";
        "problem-unknown-type": "a problem document of unknown type" / "описание ошибки неизвестного вида";
        "rate-limited": "429 with Retry-After in seconds" / "429 с Retry-After в секундах";
        "server-errors": "several 5xx in a row (params.statuses)" / "несколько 5xx подряд (params.statuses)";
        "unavailable-until": "503 with Retry-After as a date" / "503 с Retry-After датой";
    }
    Hook {
        "hook-ahead": "signed with a time far ahead" / "подписано временем далеко впереди";
        "hook-algorithm-wrong": "signed by another algorithm than the key's" / "подписано не тем алгоритмом, что у ключа";
        "hook-body-changed": "the body differs from its signed digest" / "тело не соответствует подписанной сумме";
        "hook-digest-uncovered": "the digest is not among what is signed" / "сумма тела не входит в подписанное";
        "hook-hmac-public-key": "HMAC with the public key as secret" / "HMAC с открытым ключом вместо секрета";
        "hook-key-unknown": "signed by a key that is not published" / "подписано неопубликованным ключом";
        "hook-lost": "never sent" / "не отправлено вовсе";
        "hook-other-receiver": "signed for another receiver" / "подписано для другого получателя";
        "hook-repeated": "sent twice" / "отправлено дважды";
        "hook-signature-wrong": "one bit of the signature is turned" / "в подписи изменён один бит";
        "hook-too-old": "signed long ago" / "подписано давно";
        "hook-unsigned": "no signature" / "без подписи";
        "hook-whitespace-changed": "the body differs from its signed digest by white space only" / "тело отличается от подписанного только пробелами";
    }
    Tls {
        "cert-expired": "an expired certificate" / "истёкший сертификат";
        "cert-foreign-authority": "a certificate of an unknown authority" / "сертификат неизвестного центра";
        "cert-name-in-subject-only": "the host's name stands in the subject only" / "имя узла только в subject";
        "cert-no-server-auth": "a certificate that is not for servers" / "сертификат не для серверов";
        "cert-not-yet-valid": "a certificate that is not valid yet" / "сертификат ещё не действует";
        "cert-revoked": "a revoked certificate" / "отозванный сертификат";
        "cert-self-signed": "a self-signed certificate" / "самоподписанный сертификат";
        "cert-wrong-host": "a certificate of another host" / "сертификат другого узла";
        "tls-old-version": "TLS 1.1 and nothing newer" / "только TLS 1.1";
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn slugs_are_unique_and_told_in_both_languages() {
        let mut seen = BTreeSet::new();
        for fault in FAULTS {
            assert!(seen.insert(fault.slug), "{} stands twice", fault.slug);
            assert!(fault.slug.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'));
            assert!(fault.about_ru.chars().any(|letter| ('а'..='я').contains(&letter)), "{}", fault.slug);
            assert!(fault.about_en.is_ascii(), "{}", fault.slug);
        }
        assert_eq!(find("id-token-alg-none").unwrap().place, Place::IdToken);
        assert!(find("id-token-alg-nonne").is_none());
    }
}
