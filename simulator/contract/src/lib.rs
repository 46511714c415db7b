//! What portal and bank may both know: pure types and published documents, no I/O.
//!
//! Everything here is a promise: names on the wire stay. Absent on purpose: keys and signatures (crate `crypto`),
//! decisions (crate `domain`), people (crate `fixtures`).
//!
//! # Glossary of the state's abbreviations
//!
//! | word | Russian | means |
//! |---|---|---|
//! | `bik` | БИК | code of a bank, nine digits |
//! | `dp` | ЦП | Digital Profile: consents and data of citizens for organisations |
//! | `ebs` | ЕБС | the state's biometric system |
//! | `egisso` | ЕГИССО | register of social payments |
//! | `egrn` | ЕГРН | register of real estate and of rights to it |
//! | `epgu` | ЕПГУ | the portal of state services, «Госуслуги» |
//! | `esia` | ЕСИА | the state's system of identification and authentication |
//! | `fias` | ФИАС | register of addresses |
//! | `fns` | ФНС | tax service |
//! | `fssp` | ФССП | bailiffs; they set and lift restrictions on debtors |
//! | `gis-gmp` | ГИС ГМП | register of charges and payments to the state |
//! | `gost` | ГОСТ | national standard; of cryptography where algorithms are meant |
//! | `inn` | ИНН | taxpayer number: 10 digits organisation, 12 person |
//! | `kbk` | КБК | code of a budget income, 20 digits |
//! | `koap` | КоАП | code of administrative offences |
//! | `kpp` | КПП | reason code of a tax registration, nine characters |
//! | `npd` | НПД | tax on professional income: self-employed people, by receipts |
//! | `ogrn`, `ogrnip` | ОГРН, ОГРНИП | registration number of an organisation (13), of a sole trader (15) |
//! | `oid` | OID | number of a person or organisation in ESIA; fits 32 bits |
//! | `okato`, `oktmo` | ОКАТО, ОКТМО | classifiers of territories |
//! | `prm_chg` | | ESIA's scope for a token on a standing consent |
//! | `sbp` | СБП | system of fast payments; pays by a link or its QR code |
//! | `sbj` | | subject: the person in ESIA's tokens (`urn:esia:sbj`) |
//! | `sfr` | СФР | pension and social insurance fund |
//! | `smev` | СМЭВ | the state's message bus between agencies |
//! | `snils` | СНИЛС | insurance number of a person, 11 digits |
//! | `sts` | СТС | vehicle registration certificate |
//! | `uin` | УИН | unique number of a charge, 20 or 25 digits |
//! | `uip` | УИП | unique number of a payment, 32 digits |
//! | `vrfStu` | | ESIA's state of verification of a contact or document |

#![deny(missing_docs)]

// `record!` names this crate by its own name, here as everywhere.
extern crate self as contract;

pub mod action;
pub mod adapter;
pub mod api;
pub mod citizen;
pub mod consent;
pub mod control;
pub mod endpoint;
pub mod error;
pub mod exchange;
pub mod fault;
pub mod har;
pub mod ids;
pub mod journal;
pub mod lifecycle;
pub mod matter;
pub mod money;
pub mod payment_qr;
pub mod reference;
pub mod registries;
pub mod sbp;
pub mod scope;
pub mod shape;
pub mod smev;
pub mod stream;
pub mod time;
