//! The language as types. Positions are kept on everything that a message may have to point at; steps are externally
//! tagged, because other ways of tagging lose positions. Unknown keys are refused everywhere.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use serde_saphyr::Spanned;

/// Text with the place where it stands.
pub(crate) type Text = Spanned<String>;

/// One behaviour, driven step by step.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    /// Names the scenario in reports and on the command line: lower case, digits and dashes, unique.
    #[schemars(with = "String")]
    pub(crate) id: Text,
    pub(crate) title: Title,
    /// Ids of the requirements that it serves.
    #[schemars(with = "Vec<String>")]
    pub(crate) requirements: Vec<Text>,
    /// Free words for selection; `smoke` marks the short tour.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<String>,
    /// Claims without which a bank is not asked to play this.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(crate) needs: Vec<Text>,
    /// `esia-v3`, `esia-v1`, `oidc`; all of them when absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub(crate) protocols: Vec<Text>,
    /// Name in this file → story of a fresh person.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub(crate) citizens: BTreeMap<String, Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) portal: Option<Setting>,
    /// A table of parameters: each row is a case of its own, its cells are used as `{name}`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) each: Vec<BTreeMap<String, Value>>,
    /// Dealt out over the protocols, because how the customer signed in makes no difference to it: the scenario, or each
    /// of its rows, is played in one protocol.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) deal: bool,
    /// Shared step lists (`shared/<name>.yaml`) that come first.
    #[serde(default, rename = "use", skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub(crate) shared: Vec<Text>,
    #[schemars(with = "Vec<Step>")]
    pub(crate) steps: Vec<Spanned<Step>>,
    /// What must hold at the end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<Expect>")]
    pub(crate) expect: Vec<Spanned<Expect>>,
}

/// What a reader sees, in both languages.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Title {
    pub(crate) ru: String,
    pub(crate) en: String,
}

/// A shared list of steps.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shared {
    #[schemars(with = "Vec<Step>")]
    pub(crate) steps: Vec<Spanned<Step>>,
}

/// A named selection of scenarios (`plans/<name>.yaml`).
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanFile {
    pub(crate) title: Title,
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(crate) scenarios: Vec<Text>,
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(crate) requirements: Vec<Text>,
    #[serde(default)]
    pub(crate) tags: Vec<String>,
}

/// A sandbox of its own, with other settings than the rest.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Setting {
    /// `strict` or `lenient`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) strictness: Option<String>,
    /// Such as `revocation_delay: PT5S`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) limits: BTreeMap<String, String>,
    /// Lies told from the start, to everyone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub(crate) faults: Vec<Text>,
}

/// One step, by its actor.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Step {
    Attacker(AttackerStep),
    Await(AwaitStep),
    Bank(BankStep),
    Citizen(CitizenStep),
    Clock(ClockStep),
    /// Bank steps that go on at the same time.
    Parallel(#[schemars(with = "Vec<Step>")] Vec<Spanned<Step>>),
    Partner(PartnerStep),
    Portal(PortalStep),
    Stranger(StrangerStep),
}

/// The bank is asked to do something for a citizen.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BankStep {
    /// An action of the contract, such as `customer.link`.
    #[serde(rename = "do")]
    #[schemars(with = "String")]
    pub(crate) action: Text,
    /// The citizen; gives the customer handle once linked, and the person whose browser is used.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) person: Option<Text>,
    /// Parameters of the action.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(crate) with: Map<String, Value>,
    /// Names the answer for later use as `{name}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) save: Option<Text>,
    /// Names the idempotency id; the same name in one case means the same operation, pressed again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) operation: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expect: Option<Outcomes>,
    /// Skipped without a word when the bank does not claim the action.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) if_claimed: bool,
    /// The person does not go to the bank's address yet; a later `citizen: {do: go}` does.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) leave: bool,
}

/// What a bank step must report. Without it: `ok`, or anything after a lie.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Outcomes {
    #[schemars(with = "OneOrMany")]
    pub(crate) outcome: Spanned<Words>,
    /// What the clean twin must report where it is not `ok`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<OneOrMany>")]
    pub(crate) clean: Option<Spanned<Words>>,
    /// Reason class of a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<OneOrMany>")]
    pub(crate) reason: Option<Spanned<Words>>,
}

/// What a citizen does: at the next page that asks (`approve`, `refuse`, `ignore`, `wrong-password`, `wrong-code`), or at
/// once (`revoke`, `reload-callback`, `go`; the acts on applications, orders, tickets and banking of the portal's account).
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CitizenStep {
    #[schemars(with = "String")]
    pub(crate) who: Text,
    #[serde(rename = "do")]
    #[schemars(with = "String")]
    pub(crate) act: Text,
    /// How often; a wrong password three times unless said otherwise, all else once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) times: Option<u32>,
    /// With `approve`: only these scopes stay ticked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) grant: Option<Vec<String>>,
    /// With `revoke`: the consent, such as `{asked.consent.id}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) consent: Option<Text>,
    /// With `go`: the flow whose address is visited, such as `{first}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) flow: Option<Text>,
    /// What the act is about, such as `{ type: loan, amount: 10000000 }` with `apply`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(crate) with: Map<String, Value>,
    /// Names what came of it for later use as `{name}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) save: Option<Text>,
}

/// The portal lies, stops lying, changes its keys, or does something of its own accord.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PortalStep {
    /// A lie of the catalogue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) fault: Option<Text>,
    /// The citizen about whom it lies; everyone when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) on: Option<Text>,
    /// How often; until the end of the case when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) times: Option<u32>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(crate) params: Map<String, Value>,
    /// `now`, or `callback`: not before a browser is about to return to the bank.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) when: Option<Text>,
    /// `fault`: every lie of this case ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) remove: Option<Text>,
    /// `keys`: the portal signs with new keys, the old ones stay published for a while.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) rotate: Option<Text>,
    /// Honest changes at the portal: `announce-sunset`, `renew-reference`, `ask-bank`.
    #[serde(default, rename = "do", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) act: Option<Text>,
    /// What `do` is about.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(crate) with: Map<String, Value>,
    /// Names what came of `do` for later use as `{name}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) save: Option<Text>,
}

/// Somebody without rights calls the portal: how it refuses is checked, no bank takes part.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StrangerStep {
    /// Method and path, such as `GET /api/v1/estate?person=1`.
    #[schemars(with = "String")]
    pub(crate) call: Text,
    /// Header fields.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) headers: BTreeMap<String, String>,
    /// A text is sent as it is, anything else as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<Value>,
    /// Status that the portal must answer.
    pub(crate) status: Value,
    /// Code of the error registry that it must name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) code: Option<Text>,
    /// Header fields that the answer must bear, each with a part of its value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) answers: BTreeMap<String, String>,
    /// Names the answer (`status`, `headers`, `body`) for later use as `{name}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) save: Option<Text>,
}

/// Somebody who holds the bank's key and certificate calls the portal, as the bank's own system could: how it answers is
/// checked, the bank takes no part.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PartnerStep {
    /// Method and path, such as `POST /aas/oauth2/v3/te`; an operation of the message exchange as `POST /smev/1.2#Ack`.
    #[schemars(with = "String")]
    pub(crate) call: Text,
    /// How the request is signed: `v1`, `v2`, `v3` (the string of ESIA's requests), `assertion` (a signed JWT of the
    /// client), `smev` (the envelope).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) sign: Option<Text>,
    /// Parameters beside those that every such request has; `null` leaves one of those out.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(crate) form: Map<String, Value>,
    /// Parameters that are put in after the signature was made; `null` takes one away.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(crate) instead: Map<String, Value>,
    /// Claims of the client's JWT that differ.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(crate) claims: Map<String, Value>,
    /// A data token that is taken beforehand and sent as the bearer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<DataToken>,
    /// Header fields.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) headers: BTreeMap<String, String>,
    /// A text is sent as it is, anything else as JSON. With `sign: smev`: the element to be signed, in markup whose prefix
    /// `m` is the name space of the version's types and `b` that of its basic types.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<Value>,
    /// Status that the portal must answer.
    pub(crate) status: Value,
    /// Code of the error registry that it must name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) code: Option<Text>,
    /// Header fields that the answer must bear, each with a part of its value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) answers: BTreeMap<String, String>,
    /// Names the answer (`status`, `headers`, `body`) for later use as `{name}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) save: Option<Text>,
}

/// Which data token is taken.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DataToken {
    /// The citizen whom it is about.
    #[serde(rename = "for")]
    #[schemars(with = "String")]
    pub(crate) person: Text,
    /// Id of the consent that it rests on.
    #[schemars(with = "String")]
    pub(crate) consent: Text,
}

/// Somebody else meddles.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AttackerStep {
    #[serde(rename = "do")]
    #[schemars(with = "String")]
    pub(crate) act: Text,
    /// The victim.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) person: Option<Text>,
    /// With `inject-code`: whose code is put under the victim's state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) from: Option<Text>,
}

/// Time moves on, at the portal and at the bank.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClockStep {
    /// ISO 8601, such as `PT2H`.
    #[schemars(with = "String")]
    pub(crate) advance: Text,
}

/// Waits for a condition, never for time.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AwaitStep {
    /// A flow, such as `{asked}`, that must reach `outcome`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) flow: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<OneOrMany>")]
    pub(crate) outcome: Option<Spanned<Words>>,
    /// A kind of journal entry that must have come `count` times (1) since the case began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) journal: Option<Text>,
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) person: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) count: Option<u64>,
}

/// What must hold at the end.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Expect {
    Journal(JournalExpect),
    Message(MessageExpect),
    Probe(ProbeExpect),
    Value(ValueExpect),
}

/// Entries of the portal's journal in this case.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct JournalExpect {
    #[schemars(with = "String")]
    pub(crate) kind: Text,
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) person: Option<Text>,
    /// Exactly so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) count: Option<u64>,
    /// At least so many (1 when neither is given).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) min: Option<u64>,
    /// Only entries whose data have these values, by JSONPath.
    #[serde(default, rename = "where", skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) only: BTreeMap<String, Value>,
}

/// A message that the citizen got from the portal.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MessageExpect {
    #[schemars(with = "String")]
    pub(crate) to: Text,
    /// Part of subject or text, without regard to case.
    pub(crate) has: String,
}

/// A question to the bank after the fact.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProbeExpect {
    #[schemars(with = "String")]
    pub(crate) ask: Text,
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) person: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) consent: Option<Text>,
    pub(crate) is: Value,
}

/// A value that the bank showed.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ValueExpect {
    /// The saved answer.
    #[schemars(with = "String")]
    pub(crate) of: Text,
    /// JSONPath into its values (RFC 9535).
    #[schemars(with = "String")]
    pub(crate) path: Text,
    /// Equal to this; absent from the answer when `is: null`.
    pub(crate) is: Value,
}

/// One word or a list of words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct Words(pub(crate) Vec<String>);

/// The form of [`Words`] in the schema.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "names the two forms for the schema")]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Words;
            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("a word or a list of words")
            }
            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Words, E> {
                Ok(Words(vec![word.to_owned()]))
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Words, A::Error> {
                let mut words = Vec::new();
                while let Some(word) = list.next_element()? {
                    words.push(word);
                }
                Ok(Words(words))
            }
        }
        input.deserialize_any(Visitor)
    }
}

impl Step {
    /// A lie or an attack: left out of the clean twin.
    pub(crate) fn is_hostile(&self) -> bool {
        match self {
            Self::Attacker(_) => true,
            Self::Portal(portal) => portal.fault.is_some() || portal.remove.is_some(),
            Self::Parallel(steps) => steps.iter().any(|step| step.value.is_hostile()),
            _ => false,
        }
    }

    /// One line for the report.
    pub(crate) fn describe(&self) -> String {
        let text = |name: &str, value: &Option<Text>| {
            value.as_ref().map(|value| format!(" {name} {}", value.value)).unwrap_or_default()
        };
        match self {
            Self::Attacker(step) => {
                format!("attacker: {}{}{}", step.act.value, text("for", &step.person), text("from", &step.from))
            }
            Self::Await(step) => {
                let outcome = step.outcome.as_ref().map(|words| words.value.0.join("|")).unwrap_or_default();
                let count = step.count.map(|count| format!(" ×{count}")).unwrap_or_default();
                let what = text("journal", &step.journal) + &text("flow", &step.flow);
                format!("await:{what}{}{count} {outcome}", text("for", &step.person)).trim_end().to_owned()
            }
            Self::Bank(step) => format!("bank: {}{}", step.action.value, text("for", &step.person)),
            Self::Citizen(step) => {
                let times = step.times.map(|times| format!(" ×{times}")).unwrap_or_default();
                format!("citizen {}: {}{times}", step.who.value, step.act.value)
            }
            Self::Clock(step) => format!("clock: advance {}", step.advance.value),
            Self::Parallel(steps) => {
                let inner: Vec<_> = steps.iter().map(|step| step.value.describe()).collect();
                format!("parallel: {}", inner.join(" | "))
            }
            Self::Portal(step) => {
                let what = text("fault", &step.fault) + &text("remove", &step.remove) + &text("rotate", &step.rotate);
                format!("portal:{what}{}{}", text("do", &step.act), text("on", &step.on))
            }
            Self::Partner(step) => format!("partner: {}", step.call.value),
            Self::Stranger(step) => format!("stranger: {}", step.call.value),
        }
    }
}
