"""Answers each number with another; threads meanwhile compress, hash and unpack through extensions in C."""
import ctypes
import hashlib
import json
import os
import sys
import threading
import time
import zlib

text = b"a line that is to be compressed\n" * 400
digest = hashlib.sha256(text).hexdigest()
compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
libc = ctypes.CDLL(None)


def work():
    while True:
        packed = zlib.compress(text, 6)
        numbers = (ctypes.c_int * 64)(*[(n * 37) % 64 for n in range(64)])
        libc.qsort(numbers, 64, 4, compare(lambda one, other: one[0] - other[0]))
        right = zlib.decompress(packed) == text and zlib.crc32(text) == crc and list(numbers) == list(range(64))
        if not right or json.loads(json.dumps({"digest": digest}))["digest"] != hashlib.sha256(text).hexdigest():
            os._exit(3)
        time.sleep(0.01)


crc = zlib.crc32(text)
for _ in range(3):
    threading.Thread(target=work, daemon=True).start()


def steps(number):
    total = number
    for i in range(50):
        total = (total * 31 + i) % 1000003
        yield total


for line in sys.stdin:
    *_, last = steps(int(line))
    print(last, flush=True)
