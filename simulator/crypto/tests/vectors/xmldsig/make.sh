#!/bin/sh
# Makes the golden files of this folder: one message signed by xmlsec1 (RSA, ECDSA) and by lxml with the GOST engine of
# OpenSSL (../../xmldsig_peers/peer.py), each with a certificate of an authority. Made once with xmlsec1 1.2.37, lxml
# 6.1.3, OpenSSL 3.0 and Debian's libengine-gost-openssl 3.0.1. Keys are thrown away; certificates are valid for a
# hundred years. PYTHON names an interpreter that has lxml.
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
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
END
export OPENSSL_CONF="$work/openssl.cnf"
cat > "$work/message.xml" <<'END'
<?xml version="1.0" encoding="UTF-8"?>
<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:u="urn:unused"><s:Header/><s:Body>
<m:Request xmlns:m="urn:m" xmlns="urn:b">
  <m:Data Id="DATA" z="1" m:b='x' a='2
"4'>
    <m:To>АО «Банк» &amp; Ко&#13;</m:To>
    <Sum  xmlns:m='urn:n' m:unit='rub'>100<![CDATA[<0>]]></Sum><e/></m:Data>
  <m:Signature></m:Signature></m:Request></s:Body></s:Envelope>
END
for kind in rsa ec gost256 gost512; do
    digest=-sha256
    case $kind in
        rsa) set -- -algorithm RSA -pkeyopt rsa_keygen_bits:2048 ;;
        ec) set -- -algorithm EC -pkeyopt ec_paramgen_curve:P-256 ;;
        *) bits=${kind#gost} digest=-md_gost12_${kind#gost}
           set -- -algorithm "gost2012_$bits" -pkeyopt paramset:A ;;
    esac
    openssl genpkey "$@" -out "$work/ca.key" 2>/dev/null
    openssl genpkey "$@" -out "$work/leaf.key" 2>/dev/null
    openssl req -new -x509 -key "$work/ca.key" $digest -days 36500 -subj "/C=RU/O=Example/CN=Root" -out "$kind-ca.crt"
    openssl req -new -key "$work/leaf.key" $digest -subj "/C=RU/O=Example/CN=Signer" -out "$work/leaf.csr"
    openssl x509 -req -in "$work/leaf.csr" -CA "$kind-ca.crt" -CAkey "$work/ca.key" $digest -days 36500 \
        -extfile "$OPENSSL_CONF" -extensions leaf -set_serial 0x1001 -out "$work/leaf.crt" 2>/dev/null
    case $kind in
        gost*)
            "${PYTHON:-python3}" ../../xmldsig_peers/peer.py sign "$work/message.xml" Signature DATA "$work/leaf.key" \
                "$work/leaf.crt" "$bits" > "$kind.xml" ;;
        *)
            method=$([ $kind = rsa ] && echo rsa-sha256 || echo ecdsa-sha256)
            c14n=http://www.w3.org/2001/10/xml-exc-c14n#
            template="<Signature xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><SignedInfo><CanonicalizationMethod Algorithm=\"$c14n\"/><SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#$method\"/><Reference URI=\"#DATA\"><Transforms><Transform Algorithm=\"$c14n\"/></Transforms><DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/><DigestValue/></Reference></SignedInfo><SignatureValue/><KeyInfo><X509Data><X509Certificate/></X509Data></KeyInfo></Signature>"
            sed "s|<m:Signature>|&$template|" "$work/message.xml" > "$work/template.xml"
            xmlsec1 --sign --privkey-pem "$work/leaf.key,$work/leaf.crt" --id-attr:Id Data --output "$kind.xml" \
                "$work/template.xml" ;;
    esac
done
