//! TLS and CERT: the connection itself. Certificate lies are judged by the common judge; what the bank offers, by duties.

use contract::adapter::ReasonClass::*;
use contract::exchange::Party;

use super::{LOOKED_CONNECTION, ROW, refuse, t};
use crate::finding::Judgement;
use crate::reading::check::Check;
use crate::reading::{Reading, line, noted};
use crate::rule::{Judge, Level, Refusal, Rule, Severity, Unused};

const LIE: Rule = Rule { severity: Severity::Critical, requirements: &["SEC-1"], looked_at: LOOKED_CONNECTION, ..ROW };

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "TLS-01",
        slug: "old-tls-offered",
        clauses: &["RFC 9325 3.1.1", "ASVS 12.1.1", "FAPI2 5.2.1(1)"],
        title: t("Предлагаются только TLS 1.2 и 1.3", "Only TLS 1.2 and 1.3 are offered"),
        why: t(
            "Предложенную старую версию посредник может навязать.",
            "An old version that is offered can be forced by a man in the middle.",
        ),
        looked_at: t(
            "Версии в приветствиях банка: не ниже 1.2, среди них 1.3.",
            "The versions in the bank’s hellos: 1.2 or later, 1.3 among them.",
        ),
        advice: t(
            "Задайте наименьшей версией TLS 1.2 и включите 1.3.",
            "Set TLS 1.2 as the lowest version and switch 1.3 on.",
        ),
        judge: Judge::Duty(versions),
        ..LIE
    },
    Rule {
        id: "TLS-02",
        slug: "old-tls-accepted",
        clauses: &["RFC 8996 4, 5", "RFC 9325 3.1.1"],
        title: t("Сервер со старым TLS отвергается", "A server with old TLS is refused"),
        why: t("TLS 1.0 и 1.1 взломаны и запрещены.", "TLS 1.0 and 1.1 are broken and forbidden."),
        advice: t("Прерывайте рукопожатие ниже TLS 1.2.", "Abort handshakes below TLS 1.2."),
        judge: refuse(&["tls-old-version"], &[Transport], Unused::Connection),
        ..LIE
    },
    Rule {
        id: "TLS-04",
        slug: "weak-suites-offered",
        clauses: &["RFC 9325 4.1"],
        title: t("Слабые наборы шифров не предлагаются", "Weak cipher suites are not offered"),
        why: t(
            "NULL, анонимные, экспортные наборы, RC4 и 3DES не защищают.",
            "NULL, anonymous and export suites, RC4 and 3DES do not protect.",
        ),
        looked_at: t("Наборы шифров в приветствиях банка.", "The cipher suites in the bank’s hellos."),
        advice: t("Оставьте наборы AES-GCM и ChaCha20.", "Keep the AES-GCM and ChaCha20 suites."),
        judge: Judge::Duty(suites),
        ..LIE
    },
    Rule {
        id: "TLS-12",
        slug: "sni-missing",
        severity: Severity::Medium,
        clauses: &["RFC 6066 3", "RFC 9325 3.7"],
        title: t("Имя узла передано в рукопожатии", "The host name is sent in the handshake"),
        why: t(
            "По имени портал выбирает сертификат и площадку.",
            "By the name the portal picks certificate and stage.",
        ),
        looked_at: t(
            "Имя узла (SNI) в соединениях банка против имени в адресе.",
            "The server name in the bank’s connections against the host in the address.",
        ),
        advice: t("Передавайте SNI, равное имени узла.", "Send the host name as server name."),
        judge: Judge::Duty(sni),
        ..LIE
    },
    Rule {
        id: "CERT-01",
        slug: "expired-certificate-accepted",
        clauses: &["RFC 5280 4.1.2.5, 6.1.3", "ASVS 12.3.2"],
        title: t("Истёкший сертификат сервера отвергается", "An expired server certificate is refused"),
        why: t("Ключ с истёкшим сроком больше никто не стережёт.", "Nobody guards an expired key any more."),
        advice: t("Не отключайте проверку срока сертификата.", "Do not switch the validity check off."),
        judge: refuse(&["cert-expired"], &[Transport], Unused::Connection),
        ..LIE
    },
    Rule {
        id: "CERT-02",
        slug: "early-certificate-accepted",
        clauses: &["RFC 5280 6.1.3"],
        title: t("Ещё не действующий сертификат отвергается", "A certificate not yet valid is refused"),
        why: t(
            "Сертификат из будущего — признак подмены или сбитых часов.",
            "A certificate from the future is forged, or a clock is wrong.",
        ),
        advice: t("Проверяйте обе границы срока.", "Check both ends of the validity."),
        judge: refuse(&["cert-not-yet-valid"], &[Transport], Unused::Connection),
        ..LIE
    },
    Rule {
        id: "CERT-03",
        slug: "self-signed-certificate-accepted",
        clauses: &["RFC 5280 6.1", "ASVS 12.3.2"],
        title: t("Самоподписанный сертификат отвергается", "A self-signed certificate is refused"),
        why: t(
            "Самоподписанный сертификат сделает любой посредник.",
            "Any man in the middle can make a self-signed one.",
        ),
        advice: t("Доверяйте только указанному корню.", "Trust the configured root only."),
        judge: refuse(&["cert-self-signed"], &[Transport], Unused::Connection),
        ..LIE
    },
    Rule {
        id: "CERT-04",
        slug: "unknown-authority-accepted",
        clauses: &["RFC 5280 6.1", "ASVS 12.3.4"],
        title: t("Сертификат чужого центра отвергается", "A certificate of an unknown authority is refused"),
        why: t("Чужой центр выдаст сертификат на любое имя.", "A foreign authority issues for any name."),
        advice: t("Доверяйте только корню портала.", "Trust the portal’s root only."),
        judge: refuse(&["cert-foreign-authority"], &[Transport], Unused::Connection),
        ..LIE
    },
    Rule {
        id: "CERT-05",
        slug: "host-name-unchecked",
        clauses: &["RFC 9525 6", "RFC 9325 7.1", "FAPI2 5.2.1(4)"],
        title: t("Сертификат на другое имя отвергается", "A certificate for another host is refused"),
        why: t(
            "Верный сертификат другого узла не подтверждает этот.",
            "A good certificate of another host does not vouch for this one.",
        ),
        advice: t("Включите проверку имени узла.", "Switch host name checking on."),
        judge: refuse(&["cert-wrong-host"], &[Transport], Unused::Connection),
        ..LIE
    },
    Rule {
        id: "CERT-06",
        slug: "subject-name-taken-for-host",
        clauses: &["RFC 9525 2, 6.1"],
        title: t("Имя только в subject не считается именем узла", "A name in the subject alone does not count as host"),
        why: t(
            "Имя узла ставится в альтернативные имена; subject — свободный текст.",
            "The host stands in the alternative names; the subject is free text.",
        ),
        advice: t("Сверяйте имя только с subjectAltName.", "Compare with subjectAltName only."),
        judge: refuse(&["cert-name-in-subject-only"], &[Transport], Unused::Connection),
        ..LIE
    },
    Rule {
        id: "CERT-09",
        slug: "revoked-certificate-accepted",
        level: Level::P,
        clauses: &["RFC 5280 6.3", "RFC 9325 7.5", "ASVS 12.1.4"],
        title: t(
            "Отозванный сертификат отвергается, если заявлена проверка списков",
            "A revoked certificate is refused where checking lists is declared",
        ),
        why: t(
            "Отзыв — единственный способ остановить украденный ключ до срока.",
            "Revocation is the only way to stop a stolen key before its expiry.",
        ),
        advice: t(
            "Загружайте список отзыва и проверяйте по нему сертификат сервера.",
            "Fetch the revocation list and check the server’s certificate against it.",
        ),
        judge: Judge::Refusal(Refusal {
            faults: &["cert-revoked"],
            classes: &[Transport],
            unused: Unused::Connection,
            retry: false,
            policy: Some("crl"),
        }),
        ..LIE
    },
    Rule {
        id: "CERT-18",
        slug: "server-usage-unchecked",
        clauses: &["RFC 5280 4.2.1.12"],
        title: t("Сертификат без назначения «сервер» отвергается", "A certificate without server usage is refused"),
        why: t("Сертификат клиента не должен изображать сервер.", "A client’s certificate must not play the server."),
        advice: t("Требуйте extendedKeyUsage serverAuth.", "Demand extendedKeyUsage serverAuth."),
        judge: refuse(&["cert-no-server-auth"], &[Transport], Unused::Connection),
        ..LIE
    },
];

const NO_HELLO: (&str, &str) = ("no handshake of the bank was recorded", "рукопожатий банка не записано");

/// Hellos count only where the bank is known to have connected; other clients may share the journal.
fn bank_connected(reading: &Reading<'_>) -> bool {
    reading.by_bank().any(|exchange| exchange.to == Party::Portal)
}

fn versions(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for handshake in reading.handshakes.iter().filter(|_| bank_connected(reading)) {
        let versions = handshake.versions();
        if versions.is_empty() {
            continue;
        }
        check.saw(noted(handshake.entry));
        if let Some(old) = versions
            .iter()
            .find(|version| ["1.0", "1.1", "ssl3", "ssl.3.0", "ssl.3", "3.0"].contains(&version.as_str()))
        {
            check.wrong(
                format!("the bank offers TLS {old}"),
                format!("банк предлагает TLS {old}"),
                vec![noted(handshake.entry)],
            );
        } else if !versions.iter().any(|version| version == "1.3") {
            check.odd(
                format!("the bank offers {versions:?} and not TLS 1.3"),
                format!("банк предлагает {versions:?}, но не TLS 1.3"),
                vec![noted(handshake.entry)],
            );
        }
    }
    check.end(NO_HELLO, ("only current versions are offered", "предлагаются только действующие версии"))
}

fn suites(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for handshake in reading.handshakes.iter().filter(|_| bank_connected(reading)) {
        let suites = handshake.suites();
        if suites.is_empty() {
            continue;
        }
        check.saw(noted(handshake.entry));
        let weak = suites.iter().find(|suite| {
            let suite = suite.to_ascii_uppercase();
            ["NULL", "ANON", "EXPORT", "RC4", "3DES", "DES_CBC"].iter().any(|part| suite.contains(part))
        });
        if let Some(weak) = weak {
            check.wrong(
                format!("the bank offers {weak}"),
                format!("банк предлагает {weak}"),
                vec![noted(handshake.entry)],
            );
        }
    }
    check.end(NO_HELLO, ("no weak suite is offered", "слабые наборы не предлагаются"))
}

fn sni(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for exchange in reading.by_bank().filter(|exchange| exchange.to == Party::Portal) {
        let Some(tls) = &exchange.tls else { continue };
        let Some(host) = url::Url::parse(&exchange.request.url).ok().and_then(|url| url.domain().map(str::to_owned))
        else {
            continue;
        };
        check.saw(line(exchange));
        match tls.sni.as_deref() {
            Some(name) if name.eq_ignore_ascii_case(&host) => {}
            other => {
                let seen = other.unwrap_or("-");
                check.wrong(
                    format!("the server name sent is {seen}, wanted {host}"),
                    format!("передано имя {seen}, нужно {host}"),
                    vec![line(exchange)],
                );
            }
        }
    }
    check.end(NO_HELLO, ("the right server name is sent", "передано верное имя узла"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::duties::handshake;
    use crate::finding::Verdict;
    use crate::testkit::*;

    #[test]
    fn versions_are_read_in_every_spelling() {
        let offers = |versions: &[&str]| verdict("TLS-01", &handshake(json!(versions), json!([])));
        assert_eq!(offers(&["TLSv1.2", "TLSv1.3"]), Verdict::Pass);
        assert_eq!(offers(&["1.3"]), Verdict::Pass);
        assert_eq!(offers(&["TLSv1_2"]), Verdict::Warning);
        assert_eq!(offers(&["TLS 1.1", "TLSv1_3"]), Verdict::Fail);
        assert_eq!(offers(&["SSLv3", "TLSv1.3"]), Verdict::Fail);
        assert_eq!(offers(&[]), Verdict::NotApplicable);
    }

    #[test]
    fn hellos_count_only_of_a_bank_that_called_the_portal() {
        let mut scene = Scene::oidc();
        scene.exchange(Party::Bank, Party::Foreign, "GET", FOREIGN);
        let said = json!({"result": "completed", "versions": ["TLSv1.0"], "suites": ["TLS_RSA_WITH_RC4_128_SHA"]});
        scene.journal("handshake", None, said);
        assert_eq!(verdict("TLS-01", &scene), Verdict::NotApplicable);
        assert_eq!(verdict("TLS-04", &scene), Verdict::NotApplicable);
        scene.exchange(Party::Bank, Party::Portal, "GET", PORTAL);
        assert_eq!(verdict("TLS-01", &scene), Verdict::Fail);
        assert_eq!(verdict("TLS-04", &scene), Verdict::Fail);
    }

    #[test]
    fn the_server_name_is_that_of_the_address_in_any_case() {
        let named = |name: &str| {
            let mut scene = Scene::oidc();
            let call = scene.exchange(Party::Bank, Party::Portal, "GET", PORTAL);
            scene.wire(call).tls.as_mut().unwrap().sni = Some(name.to_owned());
            verdict("TLS-12", &scene)
        };
        assert_eq!(named("LOCALHOST"), Verdict::Pass);
        assert_eq!(named("portal.example"), Verdict::Fail);
    }
}
