//! Lies in the redirect back to the bank.

use contract::error;

use super::Scene;

/// The query of the redirect.
pub(super) type Query = Vec<(String, String)>;

/// What a lie made of it.
pub(super) enum Told {
    /// It does not apply here: nothing to lie about.
    No,
    Yes,
    /// The lie comes first; the honest query follows.
    Before(Query),
}

type Change = fn(&mut Query, &Scene<'_>) -> Told;

pub(super) const LIES: &[(&str, Change)] = &[
    ("redirect-code-and-error", |query, _| {
        with_code(query, |query| query.push(("error".into(), "access_denied".into())))
    }),
    ("redirect-code-twice", |query, scene| with_code(query, |query| query.push(("code".into(), scene.draw().hex(32))))),
    ("redirect-error", |query, scene| {
        // `params.code` names a row of the error registry, `params.error` the bare OAuth error.
        let code = scene
            .lie
            .text("code")
            .map(|code| if code.starts_with("ESIA-") { code.to_owned() } else { format!("ESIA-{code}") });
        let row = code.as_deref().and_then(error::find).unwrap_or_else(|| error::row("ESIA-007004"));
        let name = scene.lie.text("error").or(row.error.as_deref()).unwrap_or("access_denied");
        into_error(query, name, &row.description(""))
    }),
    ("redirect-error-markup", |query, _| {
        into_error(
            query,
            "access_denied",
            "ESIA-007004: <script>document.title='markup'</script><b onmouseover=alert(1)>denied</b>\r\nFATAL forged log line",
        )
    }),
    ("redirect-error-state-wrong", |query, scene| {
        let honest = query.clone();
        let row = error::row("ESIA-007004");
        match into_error(query, "access_denied", &row.description("")) {
            Told::No => Told::No,
            Told::Yes | Told::Before(_) => {
                set(query, "state", scene.draw().uuid());
                Told::Before(honest)
            }
        }
    }),
    ("redirect-extra-params", |query, _| {
        with_code(query, |query| {
            for (name, value) in
                [("session_state", "a1b2c3.9f"), ("utm_source", "портал"), ("x_unknown", ""), ("v", "2 + 2")]
            {
                query.push((name.into(), value.into()));
            }
        })
    }),
    ("redirect-iss-absent", |query, _| remove(query, "iss")),
    ("redirect-iss-slash", |query, _| match get(query, "iss") {
        Some(issuer) => {
            let other = issuer.strip_suffix('/').map_or_else(|| format!("{issuer}/"), str::to_owned);
            set(query, "iss", other);
            Told::Yes
        }
        None => Told::No,
    }),
    ("redirect-iss-wrong", |query, scene| {
        if get(query, "iss").is_none() {
            return Told::No;
        }
        set(query, "iss", scene.foreign().to_owned());
        Told::Yes
    }),
    ("redirect-state-missing", |query, _| remove(query, "state")),
    ("redirect-state-of-finished-flow", |query, scene| other_flow(query, scene, true)),
    ("redirect-state-of-other-flow", |query, scene| other_flow(query, scene, false)),
    ("redirect-state-twice", |query, scene| {
        if get(query, "state").is_none() {
            return Told::No;
        }
        query.push(("state".into(), scene.draw().uuid()));
        Told::Yes
    }),
    ("redirect-state-wrong", |query, scene| {
        if get(query, "state").is_none() {
            return Told::No;
        }
        set(query, "state", scene.draw().uuid());
        Told::Yes
    }),
    ("redirect-token-in-query", |query, scene| {
        with_code(query, |query| {
            query.push(("access_token".into(), format!("front-{}", scene.draw().hex(24))));
            query.push(("token_type".into(), "Bearer".into()));
        })
    }),
];

fn get(query: &Query, name: &str) -> Option<String> {
    query.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
}

fn set(query: &mut Query, name: &str, value: String) {
    match query.iter_mut().find(|(key, _)| key == name) {
        Some(pair) => pair.1 = value,
        None => query.push((name.to_owned(), value)),
    }
}

fn remove(query: &mut Query, name: &str) -> Told {
    let before = query.len();
    query.retain(|(key, _)| key != name);
    if query.len() < before { Told::Yes } else { Told::No }
}

/// Lies that go with a code: an honest refusal is left alone.
fn with_code(query: &mut Query, change: impl FnOnce(&mut Query)) -> Told {
    if get(query, "code").is_none() {
        return Told::No;
    }
    change(query);
    Told::Yes
}

fn into_error(query: &mut Query, name: &str, description: &str) -> Told {
    if let Told::No = remove(query, "code") {
        return Told::No;
    }
    query.insert(0, ("error".into(), name.to_owned()));
    query.insert(1, ("error_description".into(), description.to_owned()));
    Told::Yes
}

fn other_flow(query: &mut Query, scene: &Scene<'_>, over: bool) -> Told {
    let Some(other) = get(query, "state").and_then(|own| scene.armed().other_state(&own, over)) else {
        return Told::No;
    };
    set(query, "state", other);
    Told::Yes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_takes_the_place_of_the_code_and_keeps_the_state() {
        let mut query = vec![("code".to_owned(), "c".to_owned()), ("state".to_owned(), "s".to_owned())];
        assert!(matches!(into_error(&mut query, "access_denied", "ESIA-007004: no"), Told::Yes));
        assert_eq!(query[0].1, "access_denied");
        assert_eq!(get(&query, "state").as_deref(), Some("s"));
        assert!(get(&query, "code").is_none());
    }

    #[test]
    fn an_honest_refusal_is_not_lied_about() {
        let mut query = vec![("error".to_owned(), "access_denied".to_owned())];
        assert!(matches!(with_code(&mut query, |_| ()), Told::No));
    }
}
