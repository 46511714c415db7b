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
    /// What the portal asks of a bank on a citizen's behalf.
    Banking,
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
    /// Messages of SMEV.
    Smev,
    /// The handshake of the sandbox's listener: takes the whole lane.
    Tls,
    /// The answer of the token endpoint.
    Token,
    /// The stream of events: its handshake and its frames.
    Ws,
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
        "application-prefill-altered": "a member of the pre-filled form differs from the state's own data (params.field, default last_name)" / "поле предзаполненной анкеты отличается от сведений портала (params.field, по умолчанию last_name)";
        "attachment-altered": "the bytes of an attachment differ from its digest" / "содержимое вложения не соответствует дайджесту";
        "document-code-wrong": "the check by the code denies the document (params.as: unknown, default, or other: the digest of another)" / "проверка по коду не подтверждает документ (params.as: unknown, по умолчанию, или other: дайджест другого)";
        "document-signature-foreign": "a good signature of a document by a key outside the portal's authority" / "верная подпись документа ключом чужого удостоверяющего центра";
        "document-signature-wrong": "one bit of a document's signature is turned" / "в подписи документа изменён один бит";
        "envelope-for-another": "the answer is encrypted for somebody else" / "ответ зашифрован для другого получателя";
        "envelope-plain": "the answer comes in clear although it was to be encrypted" / "ответ приходит открытым, хотя должен быть зашифрован";
        "envelope-tampered": "one bit of the encrypted answer is turned" / "в зашифрованном ответе изменён один бит";
        "order-document-altered": "the bytes of a document are not those that were announced and signed" / "содержимое документа не то, что объявлено и подписано";
        "matter-amount-changed": "another amount in the answer about a matter (params.kind)" / "другая сумма в ответе о заказе, переводе, заявлении (params.kind)";
        "matter-answer-lost-once": "the matter is taken and the answer lost, once" / "операция принята, а ответ потерян, один раз";
        "matter-refused-with-reason": "turned down with a reason (params.kind, code, ru, en)" / "отказ с причиной (params.kind, code, ru, en)";
        "matter-state-regresses": "the state before the present one (params.kind)" / "предыдущее состояние вместо нынешнего (params.kind)";
        "matter-stuck": "a state in which the portal should have moved on (params.kind, state)" / "состояние, из которого портал должен был выйти сам (params.kind, state)";
        "receipt-amount-changed": "another amount on the receipt than was paid" / "на квитанции не та сумма, что уплачена";
        "requisites-uin-altered": "numbers of charges whose check digit is wrong" / "УИН с неверным контрольным разрядом";
        "requisites-account-altered": "accounts among the requisites whose key is wrong" / "счета в реквизитах с неверным ключом";
        "answer-elsewhere": "202 whose Location is at a stranger's host" / "202 с Location на чужом узле";
        "answer-never": "202 again and again (params.seconds: Retry-After, default 1)" / "202 снова и снова (params.seconds: Retry-After, по умолчанию 1)";
        "answer-no-interval": "202 without Retry-After, once" / "202 без Retry-After, один раз";
        "csv-quotes": "separators, quotes and a line break in titles" / "разделители, кавычки и перевод строки в названиях";
        "json-bad-utf8": "bytes that are no UTF-8 within a text (params.field)" / "байты не UTF-8 внутри текста (params.field)";
        "json-big-number": "a number that a double cannot hold (params.field; params.number: its digits, such as 1e400)" / "число, которое не помещается в double (params.field; params.number: запись числа, например 1e400)";
        "json-deep": "a hundred thousand nested brackets (params.depth)" / "сто тысяч вложенных скобок (params.depth)";
        "json-duplicate-member": "a member twice, the second time altered (params.field)" / "поле дважды, второй раз изменённое (params.field)";
        "json-loose": "comments, single quotes and trailing commas" / "комментарии, одинарные кавычки и лишние запятые";
        "json-null": "null where a value is required (params.field)" / "null вместо обязательного значения (params.field)";
        "json-trailing": "text after the end of the JSON" / "текст после конца JSON";
        "json-unknown-word": "a state that no list holds (params.field: another field with a list)" / "состояние не из перечня (params.field: другое поле с перечнем)";
        "json-wrong-type": "a number as text (params.field)" / "число текстом (params.field)";
        "page-cycle": "pages that lead back to themselves" / "страницы, ведущие сами на себя";
        "page-elsewhere": "the next page is at a stranger's host" / "следующая страница на чужом узле";
        "page-repeated": "a line of the first page again on the second" / "строка первой страницы повторена на второй";
        "subsidy-gap": "an entry of the subsidies feed left out, once" / "в ленте субсидий один раз пропущена запись";
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
    Banking {
        "banking-signature-wrong": "one bit of the signature is turned" / "в подписи изменён один бит";
        "banking-unsigned": "no signature" / "без подписи";
    }
    Hook {
        "hook-address": "the event names addresses at a stranger's host" / "в событии адреса на чужом узле";
        "hook-ahead": "signed with a time far ahead" / "подписано временем далеко впереди";
        "hook-algorithm-wrong": "signed by another algorithm than the key's" / "подписано не тем алгоритмом, что у ключа";
        "hook-body-changed": "the body differs from its signed digest" / "тело не соответствует подписанной сумме";
        "hook-digest-uncovered": "the digest is not among what is signed" / "сумма тела не входит в подписанное";
        "hook-duplicated-matter": "an event about a matter sent twice under one id" / "событие об операции отправлено дважды с одним номером";
        "hook-hmac-public-key": "HMAC with the public key as secret" / "HMAC с открытым ключом вместо секрета";
        "hook-key-unknown": "signed by a key that is not published" / "подписано неопубликованным ключом";
        "hook-lost": "never sent" / "не отправлено вовсе";
        "hook-other-receiver": "signed for another receiver" / "подписано для другого получателя";
        "hook-reordered": "an event about a matter is held back until the next one about it was delivered (params.until: until that of this state)" / "событие об операции задержано, пока не доставлено следующее о ней (params.until: пока не доставлено событие об этом состоянии)";
        "hook-repeated": "sent twice" / "отправлено дважды";
        "hook-signature-wrong": "one bit of the signature is turned" / "в подписи изменён один бит";
        "hook-too-old": "signed long ago" / "подписано давно";
        "hook-unsigned": "no signature" / "без подписи";
        "hook-whitespace-changed": "the body differs from its signed digest by white space only" / "тело отличается от подписанного только пробелами";
        "status-out-of-order": "after the event about a state comes an event about the state before it" / "после события о состоянии приходит событие о предыдущем состоянии";
    }
    Ws {
        "ws-401-once": "401 to the first handshake" / "401 на первое рукопожатие";
        "ws-429": "429 to the handshake, with Retry-After (params.seconds)" / "429 на рукопожатие, с Retry-After (params.seconds)";
        "ws-503": "503 to the handshake, with Retry-After (params.seconds)" / "503 на рукопожатие, с Retry-After (params.seconds)";
        "ws-bad-accept": "a wrong Sec-WebSocket-Accept" / "неверный Sec-WebSocket-Accept";
        "ws-binary": "an event in a binary frame" / "событие в двоичном кадре";
        "ws-close-4009": "closed as if a newer connection had come" / "соединение закрыто, будто открыто новое";
        "ws-close-code-reserved": "closed with code 1005, which must not be on the wire" / "закрыто с кодом 1005, которого на проводе не бывает";
        "ws-continuation-alone": "a continuation that continues nothing" / "продолжение без начала";
        "ws-control-fragmented": "a ping in fragments" / "ping, разбитый на части";
        "ws-control-long": "a ping of more than 125 bytes" / "ping длиннее 125 байт";
        "ws-cut": "the connection breaks after some events (params.after, default 1)" / "соединение рвётся после нескольких событий (params.after, по умолчанию 1)";
        "ws-duplicate": "an event comes twice" / "событие приходит дважды";
        "ws-extension-unknown": "an extension that nobody offered" / "расширение, которого никто не предлагал";
        "ws-foreign-consent-event": "an event about another person's consent comes before the right one" / "перед верным событием приходит событие о чужом согласии";
        "ws-fragmented": "a good event in fragments with a ping between them" / "верное событие частями, между ними ping";
        "ws-gap": "an event is left out until it is asked for" / "событие пропущено, пока его не запросят";
        "ws-invalid-utf8": "a text frame that is not UTF-8" / "текстовый кадр не в UTF-8";
        "ws-masked-frame": "a masked frame of the server" / "кадр сервера под маской";
        "ws-no-pong": "the portal falls silent: no pings, no pongs, no events" / "портал замолкает: ни ping, ни pong, ни событий";
        "ws-oversize": "an event longer than the limit (params.bytes, default 2 MiB)" / "событие длиннее предела (params.bytes, по умолчанию 2 МиБ)";
        "ws-pong-unasked": "a pong that nobody asked for" / "pong, которого никто не просил";
        "ws-redirect-foreign": "the handshake is redirected to a stranger's host" / "рукопожатие перенаправлено на чужой узел";
        "ws-reorder": "two events change places" / "два события меняются местами";
        "ws-reserved-bit": "a reserved bit is set" / "установлен зарезервированный бит";
        "ws-reserved-opcode": "a frame of a kind that nobody knows" / "кадр неизвестного вида";
        "ws-subprotocol-unknown": "a subprotocol that nobody offered" / "подпротокол, которого никто не предлагал";
        "ws-token-expired": "closed as if the token's life were over" / "закрыто, будто маркер истёк";
        "ws-unknown-event": "an event of a type that nobody knows, with a number of its own" / "событие неизвестного вида со своим номером";
    }
    Smev {
        "queue-ack-lost": "the acknowledgement is lost and the connection cut" / "подтверждение потеряно, соединение рвётся";
        "queue-empty": "the queue looks empty although an answer waits" / "очередь выглядит пустой, хотя ответ ждёт";
        "queue-out-of-order": "the newest answer comes first" / "новейший ответ приходит первым";
        "queue-redelivered": "an acknowledged answer comes again" / "подтверждённый ответ приходит снова";
        "soap-ahead": "the answer's times lie a day ahead" / "время ответа на сутки впереди";
        "soap-attachment-digest": "a file of the store does not have its digest" / "у файла хранилища другая сумма";
        "soap-attachment-missing": "an attachment that is announced is not there" / "объявленного вложения нет";
        "soap-attachment-path-name": "a file whose name leads out of the folder (params.name)" / "файл с именем, ведущим из папки (params.name)";
        "soap-business-refusal": "the provider finds nothing (NO_DATA)" / "поставщик ничего не нашёл (NO_DATA)";
        "soap-fault-200": "a fault under status 200" / "ошибка SOAP со статусом 200";
        "soap-fault-internals": "a fault with a stack trace in it" / "ошибка SOAP с внутренностями программы";
        "soap-must-understand": "a header to be understood that nobody knows" / "обязательный неизвестный заголовок";
        "soap-no-time": "the answer bears no times" / "в ответе нет времени";
        "soap-other-recipient": "the answer is meant for another system" / "ответ предназначен другой системе";
        "soap-other-version": "an envelope of SOAP 1.2" / "конверт SOAP 1.2";
        "soap-schema-unknown": "the content is of a version that nobody knows" / "содержимое неизвестной версии";
        "soap-stale": "the answer's times are three days old" / "время ответа трёхдневной давности";
        "soap-unknown-relation": "the answer belongs to a request that nobody sent" / "ответ на запрос, которого не было";
        "xml-cdata": "a text in a CDATA section; the same value" / "текст в секции CDATA; значение то же";
        "xml-comment-in-text": "a comment within a text; the same value" / "комментарий внутри текста; значение то же";
        "xml-cut": "the document ends after two thirds" / "документ обрывается на двух третях";
        "xml-deep": "a hundred thousand elements within one another (params.depth)" / "сто тысяч вложенных элементов (params.depth)";
        "xml-doctype": "a document type declaration" / "объявление типа документа";
        "xml-element-repeated": "an element twice that may stand once" / "дважды элемент, который бывает один раз";
        "xml-encoding-differs": "another encoding is declared than used (params.encoding)" / "объявлена не та кодировка (params.encoding)";
        "xml-entity-canary": "an entity at a stranger's host" / "сущность на чужом узле";
        "xml-entity-file": "an entity from a local file (params.file)" / "сущность из местного файла (params.file)";
        "xml-entity-growth": "entities that grow tenfold nine times" / "сущности, растущие в десять раз девять раз";
        "xml-other-prefixes": "other prefixes for the same namespaces" / "другие префиксы тех же пространств имён";
        "xml-parameter-entity": "a parameter entity at a stranger's host" / "параметрическая сущность на чужом узле";
        "xml-quadratic": "a long entity named many times" / "длинная сущность, названная много раз";
        "xml-schema-location": "a schema location at a stranger's host" / "адрес схемы на чужом узле";
        "xml-stylesheet": "a style sheet at a stranger's host" / "таблица стилей на чужом узле";
        "xml-wrong-namespace": "the right names in a wrong namespace" / "верные имена в неверном пространстве имён";
        "xml-xinclude": "an inclusion from a stranger's host" / "включение с чужого узла";
        "xsg-body-uncovered": "the signature does not cover the answer" / "подпись не покрывает ответ";
        "xsg-digest": "what was signed is altered afterwards" / "подписанное изменено после подписи";
        "xsg-expired": "signed under an expired certificate" / "подписано с истёкшим сертификатом";
        "xsg-foreign-key": "signed by a key of an unknown authority" / "подписано ключом неизвестного центра";
        "xsg-hmac-cut": "an HMAC cut to eight bits" / "HMAC, урезанный до восьми бит";
        "xsg-hmac-public-key": "an HMAC with the public key as secret" / "HMAC с открытым ключом вместо секрета";
        "xsg-many-references": "ten thousand references (params.count)" / "десять тысяч ссылок (params.count)";
        "xsg-metadata-uncovered": "the signature does not cover the metadata" / "подпись не покрывает метаданные";
        "xsg-remote-reference": "the signed thing is at a stranger's host" / "подписанное лежит на чужом узле";
        "xsg-revoked": "signed under a revoked certificate" / "подписано с отозванным сертификатом";
        "xsg-sha1": "a digest by SHA-1" / "сумма по SHA-1";
        "xsg-two-one-broken": "two signatures, one of them broken" / "две подписи, одна неверна";
        "xsg-unsigned": "no signature" / "подписи нет";
        "xsg-value": "one bit of the signature is turned" / "в подписи изменён один бит";
        "xsg-xpath": "an XPath that leaves the content out" / "XPath, исключающий содержимое";
        "xsg-xslt": "an XSLT transform" / "преобразование XSLT";
        "xsw-1": "the signed copy within the signature, an altered message outside" / "подписанная копия внутри подписи, снаружи изменённое сообщение";
        "xsw-2": "an altered message, the signature and the signed copy beside it" / "изменённое сообщение, рядом подпись и подписанная копия";
        "xsw-3": "an altered message before the signed one" / "изменённое сообщение перед подписанным";
        "xsw-4": "an altered message around the signed one" / "изменённое сообщение вокруг подписанного";
        "xsw-5": "an altered message with the signature, the signed one at the end" / "изменённое сообщение с подписью, подписанное в конце";
        "xsw-6": "an altered message holds the signature that holds the signed one" / "в изменённом сообщении подпись, в ней подписанное";
        "xsw-7": "an altered copy within an extension" / "изменённая копия внутри расширения";
        "xsw-8": "an altered copy within an object of the signature" / "изменённая копия внутри объекта подписи";
        "xsw-attachment-moved": "a signed attachment moved, another in its place" / "подписанное вложение перенесено, на его месте другое";
        "xsw-duplicate-id": "two elements with the signed id" / "два элемента с подписанным Id";
        "xsw-envelope-in-envelope": "the honest envelope within an altered one" / "честный конверт внутри изменённого";
        "xsw-foreign-id": "the signed id again, in another namespace" / "подписанный Id ещё раз, в другом пространстве имён";
        "xsw-soap-header": "the message moved into a header, an altered one in the body" / "сообщение в заголовке, в теле изменённое";
        "xsw-soap-none-role": "the same under a header for nobody" / "то же в заголовке, который никому не назначен";
        "xsw-timestamp-moved": "the signed times moved, fresh unsigned ones in place" / "подписанное время перенесено, на его месте новое без подписи";
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
