#!/bin/sh
# Makes the golden files of this folder with the OpenSSL command and its GOST engine (made once with 3.0 and Debian's
# libengine-gost-openssl 3.0.1). Keys are thrown away; certificates are valid for a hundred years. `esia.crt` is not made
# here: it comes with the known signature over a known string, and its signature algorithm has NULL as parameters.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/openssl.cnf" <<'END'
openssl_conf = main
[main]
engines = engines
[engines]
gost = gost
[gost]
default_algorithms = ALL
[req]
distinguished_name = name
x509_extensions = authority
string_mask = utf8only
[name]
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature,nonRepudiation
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[ca]
default_ca = list
[list]
database = $ENV::WORK/index.txt
crlnumber = $ENV::WORK/crlnumber
default_crl_days = 36500
END
export OPENSSL_CONF="$work/openssl.cnf" WORK="$work"
printf 'openid2026.11.22 13:00:29 +0300BANK01b5a3c1f0-7f0e-4a7c-9d35-0a6f0a0a0a01' > content.txt
for set in 256:A 256:B 256:C 256:XA 256:XB 256:TCA 256:TCB 256:TCC 256:TCD 512:A 512:B 512:C; do
    size=${set%:*}
    name=$(echo "$size-${set#*:}" | tr '[:upper:]' '[:lower:]')
    new() { openssl genpkey -algorithm "gost2012_$size" -pkeyopt "paramset:${set#*:}" -out "$1" 2>/dev/null; }
    new "$work/ca.key"
    new "$work/leaf.key"
    openssl req -new -x509 -key "$work/ca.key" "-md_gost12_$size" -days 36500 -subj "/C=RU/O=Example/CN=Root $name" \
        -out "$name-ca.crt"
    openssl req -new -key "$work/leaf.key" "-md_gost12_$size" -utf8 \
        -subj "/C=RU/O=ООО Банк/OGRN=1177700000004/SNILS=11223344595/INN=770123456703/CN=BANK $name" -out "$name.csr"
    openssl x509 -req -in "$name.csr" -CA "$name-ca.crt" -CAkey "$work/ca.key" "-md_gost12_$size" -days 36500 \
        -extfile "$OPENSSL_CONF" -extensions leaf -set_serial 0x1001 -out "$name.crt" 2>/dev/null
    openssl dgst "-md_gost12_$size" -sign "$work/leaf.key" -out "$name-raw.bin" content.txt
    sign() {
        form=$1
        shift
        openssl cms -sign -binary -in content.txt -signer "$name.crt" -inkey "$work/leaf.key" -outform DER \
            -md "md_gost12_$size" -out "$name-$form.der" "$@"
    }
    sign detached
    # The other curves differ from these in their numbers only.
    case $set in
    256:A | 256:TCA | 512:A | 512:C) ;;
    *) continue ;;
    esac
    sign noattr -noattr
    sign attached -nodetach
    sign keyid -keyid
    sign stream -nodetach -stream
    sign nocerts -nocerts
    : > "$work/index.txt"
    echo 01 > "$work/crlnumber"
    list() { openssl ca "$@" -cert "$name-ca.crt" -keyfile "$work/ca.key" -md "md_gost12_$size" 2>/dev/null; }
    list -gencrl -out "$name-empty.crl"
    list -revoke "$name.crt"
    list -gencrl -out "$name.crl"
done
