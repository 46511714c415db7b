//! Every cause of a refusal that the portal can tell apart: what was checked, which bare code the client gets, and how
//! to mend it. `simulator/DIAGNOSIS.md` is printed from this table and compared with it in a test; a test provokes each.

/// One row: a cause that the portal can name.
#[derive(Debug, PartialEq, Eq)]
pub struct Cause {
    /// The name under which journal, header and documentation know it.
    pub slug: &'static str,
    /// What was being checked when it came to light.
    pub check: &'static str,
    /// The code that the protocol's bare error carries: six digits of ESIA, an OAuth error name, or both.
    pub code: &'static str,
    /// How to mend it, for the engineer.
    pub mend: &'static str,
    /// The same in Russian.
    pub mend_ru: &'static str,
}

macro_rules! causes {
    ($($name:ident = $slug:literal, $check:literal, $code:literal, $mend:literal, $mend_ru:literal;)*) => {
        $(pub const $name: &Cause =
            &Cause { slug: $slug, check: $check, code: $code, mend: $mend, mend_ru: $mend_ru };)*
        /// Every cause, in the order of the documentation.
        pub const CAUSES: &[&Cause] = &[$($name),*];
    };
}

causes! {
    // The request as a form.
    AMPERSAND_ESCAPED = "ampersand-escaped", "parameters", "007014",
        "the query was HTML-escaped: send a bare & between parameters, not &amp;",
        "запрос экранирован для HTML: между параметрами нужен знак &, а не &amp;";
    BODY_NOT_A_FORM = "body-not-a-form", "parameters", "007038",
        "send the body as application/x-www-form-urlencoded, not as JSON or multipart",
        "передайте тело в виде application/x-www-form-urlencoded, а не JSON или multipart";
    PARAMETERS_UNREADABLE = "parameters-unreadable", "parameters", "007038",
        "percent-encode the UTF-8 bytes of each value; %XX needs two hex digits",
        "кодируйте байты UTF-8 каждого значения в виде %XX, две шестнадцатеричные цифры";
    PARAMETER_MISSING = "parameter-missing", "parameters", "007014",
        "send the parameter named in square brackets, with a value",
        "передайте параметр, названный в квадратных скобках, с непустым значением";
    PARAMETER_REPEATED = "parameter-repeated", "parameters", "007003",
        "send each parameter once (RFC 6749 section 3.1)",
        "передавайте каждый параметр один раз (RFC 6749, раздел 3.1)";
    PARAMETER_VALUE = "parameter-value", "parameters", "007003",
        "send one of the values that the guidelines give for the parameter named",
        "передайте одно из допустимых значений названного параметра";
    RESPONSE_TYPE_UNSUPPORTED = "response-type-unsupported", "response_type", "007009",
        "only response_type=code is offered",
        "поддерживается только response_type=code";
    GRANT_TYPE_UNSUPPORTED = "grant-type-unsupported", "grant_type", "007012",
        "use authorization_code, refresh_token or client_credentials",
        "используйте authorization_code, refresh_token или client_credentials";
    ACCESS_TYPE_UNKNOWN = "access-type-unknown", "access_type", "007003",
        "access_type is online or offline",
        "access_type принимает значения online и offline";
    OBJ_TYPE_UNKNOWN = "obj-type-unknown", "obj_type", "007061",
        "obj_type is P, B or L, each at most once",
        "obj_type принимает значения P, B и L, каждое не более одного раза";
    ROLES_UNKNOWN = "roles-unknown", "roles", "007060",
        "roles holds the letters P, B, L, A separated by blanks",
        "roles содержит буквы P, B, L, A через пробел";
    PERSON_FILTER_UNKNOWN = "person-filter-unknown", "person_filter", "007003",
        "person_filter is conf_acc, acc_kid or acc_not_kid",
        "person_filter принимает значения conf_acc, acc_kid, acc_not_kid";

    // Who asks.
    CLIENT_UNKNOWN = "client-unknown", "client_id", "007005",
        "use the mnemonic under which the system is registered; it is case-sensitive",
        "укажите мнемонику, под которой система зарегистрирована; регистр букв важен";
    CLIENT_WITHOUT_CERTIFICATE = "client-without-certificate", "client_id", "007002",
        "register a signing certificate for the system",
        "зарегистрируйте сертификат подписи системы";
    REDIRECT_URI_DIFFERS = "redirect-uri-differs", "redirect_uri", "007023",
        "send the registered address byte for byte, or register this one",
        "передайте зарегистрированный адрес байт в байт или зарегистрируйте этот";
    REDIRECT_URI_CHANGED = "redirect-uri-changed", "redirect_uri", "007011",
        "send the redirect_uri of the authorisation request unchanged",
        "передайте redirect_uri таким же, как в запросе авторизации";

    // Scopes.
    SCOPE_MISSING = "scope-missing", "scope", "007013",
        "send scope with at least openid",
        "передайте scope, хотя бы openid";
    SCOPE_SEPARATOR = "scope-separator", "scope", "007006",
        "separate scopes by one blank, not by commas, plus signs or %20",
        "разделяйте области одним пробелом, а не запятой, плюсом или %20";
    SCOPE_UNKNOWN = "scope-unknown", "scope", "007006",
        "use a scope from the published list",
        "используйте область из опубликованного перечня";
    SCOPE_WITHDRAWN = "scope-withdrawn", "scope", "007006",
        "usr_inf is no longer given: name the single scopes that are needed",
        "область usr_inf больше не выдаётся: перечислите нужные области по отдельности";
    SCOPE_NOT_ALLOWED = "scope-not-allowed", "scope", "007019",
        "ask for the scopes registered for the system, or have the scope registered",
        "запрашивайте области, разрешённые системе, либо согласуйте новую область";
    SCOPE_WIDENED = "scope-widened", "scope", "invalid_scope 007006",
        "ask for no more than was granted before",
        "не запрашивайте больше, чем было разрешено";
    ORGANISATION_NOT_EMPLOYED = "organisation-not-employed", "scope_org", "007194",
        "name an organisation in which the person works",
        "укажите организацию, сотрудником которой является пользователь";

    // Time.
    TIMESTAMP_PLUS_LOST = "timestamp-plus-lost", "timestamp", "007014",
        "encode the zone's plus sign as %2B: a bare + in a URL is a blank",
        "кодируйте знак плюс часового пояса как %2B: в адресе + означает пробел";
    TIMESTAMP_WITHOUT_ZONE = "timestamp-without-zone", "timestamp", "007014",
        "append the zone, for example +0300",
        "добавьте часовой пояс, например +0300";
    TIMESTAMP_UNREADABLE = "timestamp-unreadable", "timestamp", "007014",
        "write yyyy.MM.dd HH:mm:ss Z, for example 2026.11.22 13:00:29 +0300",
        "формат: yyyy.MM.dd HH:mm:ss Z, например 2026.11.22 13:00:29 +0300";
    TIMESTAMP_ZONE_WRONG = "timestamp-zone-wrong", "timestamp", "007015",
        "the clock is right but the zone written is not that of the time written: use one zone for both",
        "часы верны, но пояс не соответствует указанному времени: запишите время и пояс согласованно";
    CLOCK_OFF = "clock-off", "timestamp", "007015",
        "set the clock by a time service",
        "синхронизируйте часы с сервером времени";

    // The signature's wrapping.
    SECRET_NOT_BASE64 = "secret-not-base64", "client_secret", "007053",
        "encode the signature in base64url",
        "закодируйте подпись в base64url";
    SECRET_HEX = "secret-hex", "client_secret", "007053",
        "the signature is written in hex: encode its bytes in base64url",
        "подпись записана в шестнадцатеричном виде: закодируйте её байты в base64url";
    SECRET_ENCODED_TWICE = "secret-encoded-twice", "client_secret", "007053",
        "base64 was applied twice: encode the signature's bytes once",
        "base64 применён дважды: закодируйте байты подписи один раз";
    SECRET_PLUS_BLANK = "secret-plus-blank", "client_secret", "007053",
        "the + signs of base64 arrived as blanks: use the URL-safe alphabet or encode + as %2B",
        "знаки + из base64 пришли пробелами: используйте алфавит base64url или кодируйте + как %2B";
    CMS_INSTEAD_OF_RAW = "cms-instead-of-raw", "client_secret", "007053",
        "v2 and v3 take the raw signature value; a CMS container belongs to v1",
        "v2 и v3 принимают «сырую» подпись; контейнер CMS нужен только в v1";
    RAW_INSTEAD_OF_CMS = "raw-instead-of-cms", "client_secret", "007053",
        "v1 takes a detached CMS SignedData; the raw value belongs to v2 and v3",
        "v1 принимает откреплённую подпись CMS; «сырая» подпись нужна в v2 и v3";
    CMS_BROKEN = "cms-broken", "client_secret", "007053",
        "send one DER CMS SignedData (not PEM, not cut)",
        "передайте один контейнер CMS SignedData в DER (не PEM, не обрезанный)";
    CMS_PEM = "cms-pem", "client_secret", "007053",
        "send the DER of the CMS in base64 without PEM header lines (openssl -outform DER)",
        "передайте DER-контейнер CMS в base64 без строк PEM (openssl -outform DER)";
    CMS_ATTACHED = "cms-attached", "client_secret", "007053",
        "make the signature detached: the content must not be inside (openssl cms -sign without -nodetach)",
        "сделайте подпись откреплённой: содержимое не должно входить в контейнер";
    CMS_CONTENT_DIFFERS = "cms-content-differs", "client_secret", "007053",
        "the text inside the container is not the string of this request: sign scope + timestamp + client_id + state",
        "текст внутри контейнера не совпадает со строкой запроса: подпишите scope + timestamp + client_id + state";
    CMS_SIGNERS = "cms-signers", "client_secret", "007053",
        "exactly one signer is wanted",
        "в контейнере должен быть ровно один подписант";
    CMS_ATTRIBUTES_MISMATCH = "cms-attributes-mismatch", "client_secret", "007053",
        "the signed attributes are not covered by the signature: sign their DER SET encoding",
        "подпись не соответствует подписанным атрибутам: подписывается их DER-кодировка SET OF";
    CMS_SIGNER_NOT_INCLUDED = "cms-signer-not-included", "client_secret", "007053",
        "include the signer's certificate in the container",
        "включите сертификат подписанта в контейнер";

    // The signature's making.
    SIGNATURE_BYTES_REVERSED = "signature-bytes-reversed", "client_secret", "007053",
        "reverse the signature's bytes before base64 (CryptoPro gives them in reversed order)",
        "переверните байты подписи перед base64 (КриптоПро выдаёт их в обратном порядке)";
    SIGNATURE_HALVES_SWAPPED = "signature-halves-swapped", "client_secret", "007053",
        "the halves stand the wrong way round: GOST R 34.10-2012 is s then r, ECDSA is r then s (or DER)",
        "половины подписи переставлены: для ГОСТ Р 34.10-2012 – s, затем r, для ECDSA – r, затем s (или DER)";
    SIGNATURE_HALF_BYTES_REVERSED = "signature-half-bytes-reversed", "client_secret", "007053",
        "the halves are in their places, the bytes of each are reversed: write both numbers big-endian",
        "половины подписи на месте, но байты каждой перевёрнуты: оба числа записываются старшим байтом вперёд";
    SIGNATURE_LENGTH = "signature-length", "client_secret", "007053",
        "the value is cut or padded: send every byte of the signature",
        "значение обрезано или дополнено: передайте все байты подписи";
    SIGNATURE_SHA1 = "signature-sha1", "client_secret", "007053",
        "SHA-1 is refused: sign over the digest that goes with the key (Streebog for GOST, SHA-256 for RSA and ECDSA)",
        "SHA-1 не принимается: хэш определяется ключом (Стрибог для ГОСТ, SHA-256 для RSA и ECDSA)";
    SIGNATURE_OTHER_DIGEST = "signature-other-digest", "client_secret", "007053",
        "sign over the digest that goes with the key: Streebog of its size for GOST, SHA-256 for RSA and ECDSA",
        "подписывайте хэш, соответствующий ключу: Стрибог той же длины для ГОСТ, SHA-256 для RSA и ECDSA";
    SIGNATURE_DIGEST_REVERSED = "signature-digest-reversed", "client_secret", "007053",
        "the bytes of the digest were reversed before it was signed: hand it over as the hash function gives it",
        "байты хэша перевёрнуты перед подписанием: передавайте хэш в том порядке, в каком его выдаёт функция";
    SIGNATURE_PSS = "signature-pss", "client_secret", "007053",
        "use RSA PKCS#1 v1.5 padding, not PSS",
        "используйте RSA с дополнением PKCS#1 v1.5, а не PSS";
    SIGNATURE_OF_DIGEST = "signature-of-digest", "client_secret", "007053",
        "the digest was signed as if it were the text: pass the string itself to the signing function",
        "вместо строки подписан её хэш: передайте функции подписи саму строку";
    SIGNATURE_OTHER_CERTIFICATE = "signature-other-certificate", "client_secret", "007053",
        "sign with the key of the certificate whose hash is sent",
        "подпишите ключом того сертификата, хэш которого передаётся";
    SIGNATURE_OTHER_CURVE = "signature-other-curve", "client_secret", "007053",
        "the key that signed is on another parameter set than the key of the certificate named: use the key of that certificate, with its own parameters",
        "подписано ключом на другой кривой, чем у названного сертификата: используйте ключ этого сертификата с его параметрами";
    SIGNATURE_UNEXPLAINED = "signature-unexplained", "client_secret", "007053",
        "no known mistake fits: compare the string signed, byte by byte, with the one wanted, and the key with the certificate",
        "известные ошибки не подходят: сравните подписанную строку побайтно с ожидаемой и ключ с сертификатом";

    // The string that was signed.
    SIGNED_V1_ORDER = "signed-v1-order", "signed string", "007053",
        "v2 and v3 want client_id + scope + timestamp + state + redirect_uri (+ code); the v1 order was signed",
        "для v2 и v3 нужна строка client_id + scope + timestamp + state + redirect_uri (+ code); подписан порядок v1";
    SIGNED_V2_ORDER = "signed-v2-order", "signed string", "007053",
        "v1 wants scope + timestamp + client_id + state; the order of v2 and v3 was signed",
        "для v1 нужна строка scope + timestamp + client_id + state; подписан порядок v2/v3";
    SIGNED_PARAMETER_MISSING = "signed-parameter-missing", "signed string", "007053",
        "add the parameter named to the string that is signed",
        "добавьте названный параметр в подписываемую строку";
    SIGNED_PARAMETER_EXTRA = "signed-parameter-extra", "signed string", "007053",
        "leave the parameter named out of the string that is signed",
        "исключите названный параметр из подписываемой строки";
    SIGNED_PARAMETERS_REORDERED = "signed-parameters-reordered", "signed string", "007053",
        "put the parameters in the order of the guidelines",
        "расположите параметры в порядке, заданном методическими рекомендациями";
    SIGNED_TIMESTAMP_DIFFERS = "signed-timestamp-differs", "signed string", "007053",
        "sign the very timestamp that is sent: make it once and use it twice",
        "подписывайте ту же метку времени, что передаётся: вычислите её один раз";
    SIGNED_SCOPE_ENCODING = "signed-scope-encoding", "signed string", "007053",
        "sign the scope decoded, blanks as blanks, in the order sent",
        "подписывайте scope в декодированном виде, с пробелами и в том же порядке";
    SIGNED_VALUES_ENCODED = "signed-values-encoded", "signed string", "007053",
        "sign the values before URL encoding",
        "подписывайте значения до URL-кодирования";
    SIGNED_REDIRECT_URI_DIFFERS = "signed-redirect-uri-differs", "signed string", "007053",
        "sign the very redirect_uri that is sent",
        "подписывайте тот же redirect_uri, что передаётся";
    SIGNED_WITH_SEPARATORS = "signed-with-separators", "signed string", "007053",
        "join the values without anything between them",
        "соединяйте значения без разделителей";
    SIGNED_WITH_NEWLINE = "signed-with-newline", "signed string", "007053",
        "sign without the line feed at the end (echo adds one; use printf %s)",
        "подписывайте без перевода строки в конце (echo добавляет его; используйте printf %s)";
    SIGNED_OTHER_CHARSET = "signed-other-charset", "signed string", "007053",
        "sign the UTF-8 bytes of the string",
        "подписывайте байты строки в UTF-8";
    SIGNED_AUTHORISATION_STATE = "signed-authorisation-state", "signed string", "007053",
        "sign the state sent in this request, not that of the authorisation request",
        "подписывайте state этого запроса, а не запроса авторизации";

    // The certificate and its hash.
    HASH_SHA1 = "hash-sha1", "client_certificate_hash", "007053",
        "hash the DER certificate with the digest of its key: Streebog-256 for GOST, SHA-256 for RSA and ECDSA (64 hex digits)",
        "вычислите хэш DER-сертификата по его ключу: Стрибог-256 для ГОСТ, SHA-256 для RSA и ECDSA (64 шестнадцатеричные цифры)";
    HASH_SHA256 = "hash-sha256", "client_certificate_hash", "007053",
        "the certificate's key is of GOST: hash the DER with Streebog-256 (GOST R 34.11-2012), not with SHA-256",
        "ключ сертификата – ГОСТ: вычислите хэш DER алгоритмом Стрибог-256 (ГОСТ Р 34.11-2012), а не SHA-256";
    HASH_OTHER_DIGEST = "hash-other-digest", "client_certificate_hash", "007053",
        "hash the DER certificate with the digest of its key: Streebog-256 for GOST of either size, SHA-256 for RSA and ECDSA",
        "вычислите хэш DER-сертификата по его ключу: Стрибог-256 для ГОСТ любой длины, SHA-256 для RSA и ECDSA";
    HASH_OF_PEM = "hash-of-pem", "client_certificate_hash", "007053",
        "hash the DER bytes, not the PEM text",
        "хэшируйте байты DER, а не текст PEM";
    HASH_OF_PUBLIC_KEY = "hash-of-public-key", "client_certificate_hash", "007053",
        "hash the whole certificate, not its public key",
        "хэшируйте весь сертификат, а не открытый ключ";
    HASH_NOT_HEX = "hash-not-hex", "client_certificate_hash", "007053",
        "write the hash as hex digits, without colons, not in base64",
        "запишите хэш шестнадцатеричными цифрами, без двоеточий, не в base64";
    HASH_REVERSED = "hash-reversed", "client_certificate_hash", "007053",
        "the bytes of the hash are in reversed order",
        "байты хэша записаны в обратном порядке";
    HASH_OF_OTHER_CERTIFICATE = "hash-of-other-certificate", "client_certificate_hash", "007053",
        "the hash belongs to a certificate of another system",
        "хэш принадлежит сертификату другой системы";
    HASH_UNKNOWN = "hash-unknown", "client_certificate_hash", "007053",
        "register the certificate, or send the hash of a registered one",
        "зарегистрируйте сертификат или передайте хэш зарегистрированного";
    CERTIFICATE_EXPIRED = "certificate-expired", "signing certificate", "007053",
        "renew the certificate and register the new one",
        "обновите сертификат и зарегистрируйте новый";
    CERTIFICATE_NOT_YET_VALID = "certificate-not-yet-valid", "signing certificate", "007053",
        "wait until the certificate becomes valid, or check the clocks",
        "дождитесь начала действия сертификата или проверьте часы";
    CERTIFICATE_REVOKED = "certificate-revoked", "signing certificate", "007053",
        "the certificate is on the revocation list: sign with another",
        "сертификат отозван: подпишите другим";
    CERTIFICATE_FOREIGN = "certificate-foreign", "signing certificate", "007002",
        "the certificate was issued by an authority that the portal does not know: register it or get one from its authority",
        "сертификат выдан неизвестным центром: зарегистрируйте его или получите в доверенном центре";
    CERTIFICATE_UNREGISTERED = "certificate-unregistered", "signing certificate", "007002",
        "the portal's authority issued it, but it is not registered for this system: register it",
        "сертификат выдан центром портала, но не зарегистрирован за системой: зарегистрируйте его";
    CERTIFICATE_OF_OTHER_SYSTEM = "certificate-of-other-system", "signing certificate", "007002",
        "the certificate is registered for another system: check client_id and key",
        "сертификат зарегистрирован за другой системой: проверьте client_id и ключ";
    CERTIFICATE_OTHER_CURVE = "certificate-other-curve", "signing certificate", "007002 007053",
        "the certificate's key is on another parameter set than every registered one: register it, or use the registered one",
        "ключ сертификата на другой кривой, чем у зарегистрированных: зарегистрируйте его или используйте зарегистрированный";
    CERTIFICATE_KEY_TYPE = "certificate-key-type", "signing certificate", "007053",
        "this portal takes keys of other kinds only (key_types of its configuration): get a certificate with a GOST key",
        "портал принимает ключи других видов (key_types в его настройках): получите сертификат с ключом ГОСТ";
    CERTIFICATE_KEY_USAGE = "certificate-key-usage", "signing certificate", "007053",
        "get a certificate whose key usage has digitalSignature",
        "получите сертификат с назначением ключа digitalSignature";

    // PKCE.
    PKCE_MISSING = "pkce-missing", "code_challenge", "invalid_request",
        "send code_challenge with code_challenge_method=S256 (RFC 7636)",
        "передайте code_challenge с code_challenge_method=S256 (RFC 7636)";
    PKCE_METHOD = "pkce-method", "code_challenge_method", "invalid_request 007003",
        "only S256 is offered; plain is refused",
        "поддерживается только S256; plain не принимается";
    PKCE_CHALLENGE_MALFORMED = "pkce-challenge-malformed", "code_challenge", "invalid_request 007003",
        "the challenge is the base64url of SHA-256(verifier) without padding: 43 characters",
        "code_challenge – base64url от SHA-256(code_verifier) без дополнения: 43 символа";
    PKCE_VERIFIER_MISSING = "pkce-verifier-missing", "code_verifier", "invalid_grant 007040",
        "send the code_verifier that belongs to the challenge",
        "передайте code_verifier, соответствующий code_challenge";
    PKCE_VERIFIER_UNASKED = "pkce-verifier-unasked", "code_verifier", "invalid_grant 007039",
        "the authorisation request had no code_challenge: send one there",
        "в запросе авторизации не было code_challenge: передайте его там";
    PKCE_VERIFIER_IS_CHALLENGE = "pkce-verifier-is-challenge", "code_verifier", "invalid_grant 007040",
        "verifier and challenge are the same text: the challenge must be S256 of the verifier",
        "code_verifier совпадает с code_challenge: нужен S256 от code_verifier";
    PKCE_CHALLENGE_ENCODING = "pkce-challenge-encoding", "code_verifier", "invalid_grant 007040",
        "hash the verifier's ASCII text once and write base64url: the challenge has another encoding of it",
        "хэшируйте текст code_verifier один раз и кодируйте base64url: в code_challenge другая кодировка";
    PKCE_VERIFIER_MISMATCH = "pkce-verifier-mismatch", "code_verifier", "invalid_grant 007040",
        "the verifier is not the one of this flow: keep one per flow",
        "code_verifier не от этого запроса: храните свой для каждого запроса";

    // Codes and refresh tokens.
    CODE_MALFORMED = "code-malformed", "code", "invalid_grant 007011",
        "send the code whole: it is a long text, columns of 255 characters cut it",
        "передайте код целиком: он длинный и не помещается в 255 символов";
    CODE_UNKNOWN = "code-unknown", "code", "invalid_grant 007011",
        "send a code that this portal issued",
        "передайте код, выданный этим порталом";
    CODE_REUSED = "code-reused", "code", "invalid_grant 007011",
        "a code serves once; start a new authorisation",
        "код одноразовый; начните авторизацию заново";
    CODE_EXPIRED = "code-expired", "code", "invalid_grant 007011",
        "redeem the code within its life of 240 seconds",
        "обменивайте код в течение 240 секунд";
    CODE_SESSION_ENDED = "code-session-ended", "code", "invalid_grant 007011",
        "the person signed out before the code was redeemed: start a new authorisation",
        "пользователь вышел до обмена кода: начните авторизацию заново";
    CODE_OF_OTHER_CLIENT = "code-of-other-client", "code", "invalid_grant 007011",
        "the code was issued to another system",
        "код выдан другой системе";
    REFRESH_UNKNOWN = "refresh-unknown", "refresh_token", "invalid_grant 007011",
        "send the refresh token last received",
        "передайте последний полученный маркер обновления";
    REFRESH_REUSED = "refresh-reused", "refresh_token", "invalid_grant 007011",
        "the token was already exchanged for a newer one: keep the newest",
        "маркер уже обменян: храните последний полученный";
    REFRESH_EXPIRED = "refresh-expired", "refresh_token", "invalid_grant 007011",
        "ask the person to sign in again",
        "попросите пользователя войти снова";
    REFRESH_OF_OTHER_CLIENT = "refresh-of-other-client", "refresh_token", "invalid_grant 007011",
        "the token was issued to another system",
        "маркер выдан другой системе";
    REFRESH_REVOKED = "refresh-revoked", "refresh_token", "invalid_grant 007011",
        "the token was revoked: ask the person to sign in again",
        "маркер отозван: попросите пользователя войти снова";

    // The client's proof at the plain OpenID Connect interface.
    CLIENT_AUTHENTICATION_MISSING = "client-authentication-missing", "client authentication", "invalid_client",
        "authenticate by private_key_jwt or tls_client_auth",
        "аутентифицируйтесь по private_key_jwt или tls_client_auth";
    CLIENT_AUTHENTICATION_DOUBLED = "client-authentication-doubled", "client authentication", "invalid_request",
        "use one way of client authentication per request (RFC 6749 section 2.3)",
        "используйте один способ аутентификации в запросе (RFC 6749, раздел 2.3)";
    CLIENT_SECRET_USED = "client-secret-used", "client authentication", "invalid_client",
        "shared secrets are not offered: use private_key_jwt or tls_client_auth",
        "общие секреты не поддерживаются: используйте private_key_jwt или tls_client_auth";
    ASSERTION_MALFORMED = "assertion-malformed", "client_assertion", "invalid_client",
        "send a compact JWS with client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "передайте JWS и client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    ASSERTION_ALGORITHM = "assertion-algorithm", "client_assertion", "invalid_client",
        "sign with RS256, PS256, ES256, GOST3410_2012_256 or GOST3410_2012_512, as the registered key allows",
        "подпишите RS256, PS256, ES256, GOST3410_2012_256 или GOST3410_2012_512 в соответствии с зарегистрированным ключом";
    ASSERTION_SIGNATURE = "assertion-signature", "client_assertion", "invalid_client",
        "sign with the key of a registered certificate",
        "подпишите ключом зарегистрированного сертификата";
    ASSERTION_ISSUER = "assertion-issuer", "client_assertion", "invalid_client",
        "iss and sub are both the client_id",
        "iss и sub должны быть равны client_id";
    ASSERTION_AUDIENCE = "assertion-audience", "client_assertion", "invalid_client",
        "aud is the issuer of the discovery document (or the token endpoint)",
        "aud – издатель из документа discovery (или адрес token endpoint)";
    ASSERTION_EXPIRED = "assertion-expired", "client_assertion", "invalid_client",
        "make a new assertion for each request; check the clock",
        "создавайте новый client_assertion для каждого запроса; проверьте часы";
    ASSERTION_NOT_YET_VALID = "assertion-not-yet-valid", "client_assertion", "invalid_client",
        "iat or nbf lies ahead: set the clock",
        "iat или nbf в будущем: проверьте часы";
    ASSERTION_CLAIM_MISSING = "assertion-claim-missing", "client_assertion", "invalid_client",
        "iss, sub, aud, exp and jti are all needed (RFC 7523, OpenID Connect Core section 9)",
        "нужны iss, sub, aud, exp и jti (RFC 7523, OpenID Connect Core, раздел 9)";
    ASSERTION_REPLAYED = "assertion-replayed", "client_assertion", "invalid_client",
        "use a new jti for each assertion",
        "используйте новый jti в каждом client_assertion";
    TLS_CERTIFICATE_MISSING = "tls-certificate-missing", "client certificate", "invalid_client",
        "present the registered certificate in the TLS handshake, or authenticate by private_key_jwt",
        "предъявите зарегистрированный сертификат в TLS или используйте private_key_jwt";
    TLS_CERTIFICATE_UNREGISTERED = "tls-certificate-unregistered", "client certificate", "invalid_client",
        "register the certificate that was presented in the TLS handshake",
        "зарегистрируйте сертификат, предъявленный в TLS";
    REQUEST_URI_UNKNOWN = "request-uri-unknown", "request_uri", "invalid_request_uri",
        "use the request_uri of a pushed request of this client, once and in time (RFC 9126)",
        "используйте request_uri своего запроса PAR, один раз и в срок (RFC 9126)";

    // The person.
    ACCESS_REFUSED = "access-refused", "decision of the person", "access_denied 007004",
        "the person said no: do not ask again at once",
        "пользователь отказал: не повторяйте запрос сразу";
    ACCOUNT_LOCKED = "account-locked", "sign-in", "access_denied 007004",
        "the account is locked after three failed attempts; wait for its end",
        "учётная запись заблокирована после трёх неудачных попыток; дождитесь окончания блокировки";
    ACCOUNT_NOT_CONFIRMED = "account-not-confirmed", "account", "access_denied 007055",
        "the person must confirm the account first",
        "пользователь должен сначала подтвердить учётную запись";
    SECOND_FACTOR_IMPOSSIBLE = "second-factor-impossible", "second factor", "access_denied 007046",
        "the person has no confirmed phone for one-time codes",
        "у пользователя нет подтверждённого телефона для одноразовых кодов";
    PERSON_DOES_NOT_FIT = "person-does-not-fit", "person_filter, obj_type, roles", "007062",
        "the person's kind or role is not among those asked for",
        "тип или роль пользователя не подходят под условия запроса";
    LOGIN_REQUIRED = "login-required", "prompt=none", "login_required",
        "nobody is signed in: ask without prompt=none",
        "пользователь не вошёл: запросите без prompt=none";
    INTERACTION_REQUIRED = "interaction-required", "prompt=none", "interaction_required",
        "the person has to act: ask without prompt=none",
        "нужно действие пользователя: запросите без prompt=none";

    // Consent.
    PERMISSIONS_UNREADABLE = "permissions-unreadable", "permissions", "007003",
        "send base64url without padding of a JSON array of objects",
        "передайте base64url без дополнения от JSON-массива объектов";
    CONSENT_TYPE_MISSING = "consent-type-missing", "permissions", "036700",
        "name the consent type in sysname", "укажите тип согласия в sysname";
    CONSENT_TYPE_UNKNOWN = "consent-type-unknown", "permissions", "036701",
        "use a consent type from the published list", "используйте тип согласия из перечня";
    CONSENT_SCOPE_MANDATORY = "consent-scope-mandatory", "permissions", "036702",
        "add the scopes that the type demands", "добавьте области, обязательные для типа";
    CONSENT_SCOPE_BEYOND = "consent-scope-beyond", "permissions", "036703",
        "leave out the scopes that the type does not hold", "исключите области сверх состава типа";
    CONSENT_SCOPE_FORBIDDEN = "consent-scope-forbidden", "permissions", "036704",
        "this type takes no such scopes", "с этим типом такие области не допускаются";
    CONSENT_ACTION_MISSING = "consent-action-missing", "permissions", "036705",
        "name at least one action", "укажите хотя бы одно действие";
    CONSENT_ACTION_UNKNOWN = "consent-action-unknown", "permissions", "036706",
        "use ALL_ACTIONS_TO_DATA, SHARE_DATA or USE_DATA", "используйте ALL_ACTIONS_TO_DATA, SHARE_DATA или USE_DATA";
    CONSENT_PURPOSE_MISSING = "consent-purpose-missing", "permissions", "036707",
        "name at least one purpose", "укажите хотя бы одну цель";
    CONSENT_EXPIRY_BAD = "consent-expiry-bad", "permissions", "036716",
        "expire counts minutes from approval, from 1 to 525600", "expire – минуты от согласия, от 1 до 525600";
    CONSENT_PURPOSE_UNKNOWN = "consent-purpose-unknown", "permissions", "036726",
        "use a purpose from the published list", "используйте цель из перечня";
    CONSENT_PURPOSE_ONE = "consent-purpose-one", "permissions", "036727",
        "this type takes exactly one purpose", "для этого типа нужна ровно одна цель";
    CONSENT_PURPOSE_NOT_ALLOWED = "consent-purpose-not-allowed", "permissions", "007019",
        "the purpose is not registered for the system", "цель не разрешена системе";
    CONSENT_ABSENT = "consent-absent", "consent", "007019",
        "ask for a consent first: none of this person stands for the system",
        "сначала запросите согласие: действующего согласия этого пользователя нет";

    // Use of tokens.
    TOKEN_MISSING = "token-missing", "Authorization", "invalid_token 005013",
        "send Authorization: Bearer with the access token",
        "передайте Authorization: Bearer с маркером доступа";
    TOKEN_IN_QUERY = "token-in-query", "Authorization", "invalid_request 005013",
        "send the token in the Authorization header, never in the URL or the body",
        "передавайте маркер в заголовке Authorization, а не в адресе или теле";
    TOKEN_MALFORMED = "token-malformed", "access token", "invalid_token 005013",
        "send the access token as it was received", "передайте маркер доступа без изменений";
    TOKEN_WRONG_KIND = "token-wrong-kind", "access token", "invalid_token 005013",
        "an id token or a code was sent: send the access token",
        "передан маркер идентификации или код: нужен маркер доступа";
    TOKEN_UNKNOWN = "token-unknown", "access token", "invalid_token 005013",
        "the token was not issued here", "маркер выдан не этим порталом";
    TOKEN_EXPIRED = "token-expired", "access token", "invalid_token 005013",
        "refresh the token or ask the person to sign in", "обновите маркер или попросите пользователя войти";
    TOKEN_REVOKED = "token-revoked", "access token", "invalid_token 005013",
        "the token was revoked: it is over", "маркер отозван";
    TOKEN_OF_OTHER_PERSON = "token-of-other-person", "access token", "005029",
        "the token speaks for another person than the address", "маркер выдан на другого человека";
    TOKEN_BINDING = "token-binding", "access token", "invalid_token 005013",
        "present the certificate to which the token is bound (RFC 8705)",
        "предъявите сертификат, к которому привязан маркер (RFC 8705)";
    SCOPE_NOT_GRANTED = "scope-not-granted", "scope of the token", "insufficient_scope 005029",
        "ask for the scope that opens this data", "запросите область, открывающую эти данные";
}
