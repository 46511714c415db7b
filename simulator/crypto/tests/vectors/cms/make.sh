#!/bin/sh
# Makes the golden CMS files of this folder with the OpenSSL command (made once with 3.0.19). Keys are thrown away;
# certificates are valid for a hundred years, because CMS verification here does not look at their time.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf 'openid2026.11.22 13:00:29 +0300BANK01b5a3c1f0-7f0e-4a7c-9d35-0a6f0a0a0a01' > content.txt
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/rsa.key" -out rsa.crt -days 36500 \
    -subj '/C=RU/O=Example Bank/CN=RSA signer' -addext keyUsage=critical,digitalSignature 2>/dev/null
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/ec.key" -out ec.crt -days 36500 \
    -subj '/C=RU/O=Example Bank/CN=EC signer' -addext subjectAltName=DNS:bank.example,IP:127.0.0.1 \
    -addext extendedKeyUsage=clientAuth 2>/dev/null
sign() {
    name=$1 kind=$2
    shift 2
    openssl cms -sign -binary -in content.txt -signer "$kind.crt" -inkey "$work/$kind.key" -outform DER -md sha256 \
        -out "$name.der" "$@"
}
for kind in rsa ec; do
    sign "$kind-detached" $kind
    sign "$kind-noattr" $kind -noattr
    sign "$kind-attached" $kind -nodetach
    sign "$kind-attached-noattr" $kind -nodetach -noattr
    sign "$kind-stream" $kind -nodetach -stream
    sign "$kind-keyid" $kind -keyid
    sign "$kind-nocerts" $kind -nocerts
    openssl smime -sign -binary -in content.txt -signer "$kind.crt" -inkey "$work/$kind.key" -outform DER -md sha256 \
        -out "$kind-smime.der"
    openssl dgst -sha256 -sign "$work/$kind.key" -out "$kind-raw.bin" content.txt
done
sign rsa-pss rsa -keyopt rsa_padding_mode:pss -keyopt rsa_pss_saltlen:-1
openssl cms -sign -binary -in content.txt -signer rsa.crt -inkey "$work/rsa.key" -outform DER -md sha1 -out rsa-sha1.der
openssl cms -sign -binary -in content.txt -signer rsa.crt -inkey "$work/rsa.key" -signer ec.crt -inkey "$work/ec.key" \
    -outform DER -md sha256 -out two-signers.der
openssl cms -data_create -in content.txt -outform DER -out data-only.der
openssl crl2pkcs7 -nocrl -certfile rsa.crt -outform DER -out certificates-only.der
