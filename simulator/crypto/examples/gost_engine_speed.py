"""Signatures and verifications per second of OpenSSL's GOST engine, measured inside one process: `openssl speed` does
not know these algorithms, and one `openssl` process for each signature would measure processes.

Prints lines "algorithm paramset sign_us verify_us" in microseconds of processor time; ends with code 3 and a reason
where libcrypto or the engine is missing. Called by the example `gost_speed`, which sets the two columns side by side.
"""

import ctypes
import ctypes.util
import sys
import time

SETS = [
    ("gost2012_256", "A", 32),
    ("gost2012_256", "B", 32),
    ("gost2012_256", "C", 32),
    ("gost2012_256", "TCA", 32),
    ("gost2012_512", "A", 64),
    ("gost2012_512", "B", 64),
    ("gost2012_512", "C", 64),
]


def missing(reason):
    print(reason, file=sys.stderr)
    sys.exit(3)


def load():
    name = ctypes.util.find_library("crypto")
    if name is None:
        missing("libcrypto is not installed")
    crypto = ctypes.CDLL(name)
    pointer, text, size = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t
    for function, result, arguments in [
        ("ENGINE_by_id", pointer, [text]),
        ("ENGINE_init", ctypes.c_int, [pointer]),
        ("ENGINE_set_default_string", ctypes.c_int, [pointer, text]),
        ("EVP_PKEY_asn1_find_str", pointer, [ctypes.POINTER(pointer), text, ctypes.c_int]),
        ("OBJ_sn2nid", ctypes.c_int, [text]),
        ("EVP_PKEY_CTX_new_id", pointer, [ctypes.c_int, pointer]),
        ("EVP_PKEY_CTX_new", pointer, [pointer, pointer]),
        ("EVP_PKEY_CTX_ctrl_str", ctypes.c_int, [pointer, text, text]),
        ("EVP_PKEY_keygen_init", ctypes.c_int, [pointer]),
        ("EVP_PKEY_keygen", ctypes.c_int, [pointer, ctypes.POINTER(pointer)]),
        ("EVP_PKEY_sign_init", ctypes.c_int, [pointer]),
        ("EVP_PKEY_sign", ctypes.c_int, [pointer, text, ctypes.POINTER(size), text, size]),
        ("EVP_PKEY_verify_init", ctypes.c_int, [pointer]),
        ("EVP_PKEY_verify", ctypes.c_int, [pointer, text, size, text, size]),
    ]:
        try:
            found = getattr(crypto, function)
        except AttributeError:
            missing(f"libcrypto has no {function}")
        found.restype, found.argtypes = result, arguments
    engine = crypto.ENGINE_by_id(b"gost")
    if not engine or crypto.ENGINE_init(engine) != 1 or crypto.ENGINE_set_default_string(engine, b"ALL") != 1:
        missing("the engine gost is not installed")
    return crypto, engine


def key_of(crypto, engine, algorithm, paramset):
    context = crypto.EVP_PKEY_CTX_new_id(crypto.OBJ_sn2nid(algorithm.encode()), engine)
    key = ctypes.c_void_p()
    if not context or crypto.EVP_PKEY_keygen_init(context) != 1:
        missing(f"the engine makes no keys of {algorithm}")
    crypto.EVP_PKEY_CTX_ctrl_str(context, b"paramset", paramset.encode())
    if crypto.EVP_PKEY_keygen(context, ctypes.byref(key)) != 1:
        missing(f"the engine makes no key of {algorithm} {paramset}")
    return key


def microseconds(once, seconds=0.4):
    """Processor time of one call: the best of five runs, so that a busy neighbour counts least."""
    best, count = None, 1
    while True:
        start = time.process_time()
        for _ in range(count):
            once()
        spent = time.process_time() - start
        if spent >= seconds / 5:
            break
        count *= 2
    for _ in range(5):
        start = time.process_time()
        for _ in range(count):
            once()
        spent = (time.process_time() - start) / count
        best = spent if best is None else min(best, spent)
    return best * 1e6


def main():
    crypto, engine = load()
    for algorithm, paramset, size in SETS:
        key = key_of(crypto, engine, algorithm, paramset)
        signer, verifier = crypto.EVP_PKEY_CTX_new(key, None), crypto.EVP_PKEY_CTX_new(key, None)
        digest, signature = bytes(range(size)), ctypes.create_string_buffer(2 * size)
        if crypto.EVP_PKEY_sign_init(signer) != 1 or crypto.EVP_PKEY_verify_init(verifier) != 1:
            missing(f"the engine does not sign with {algorithm} {paramset}")
        length = ctypes.c_size_t(2 * size)

        def sign():
            length.value = 2 * size
            assert crypto.EVP_PKEY_sign(signer, signature, ctypes.byref(length), digest, size) == 1

        def verify():
            assert crypto.EVP_PKEY_verify(verifier, signature, 2 * size, digest, size) == 1

        sign_us = microseconds(sign)
        print(algorithm, paramset, f"{sign_us:.1f}", f"{microseconds(verify):.1f}", flush=True)


main()
