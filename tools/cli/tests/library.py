"""Loads a built library by ctypes and classifies one picture from four threads at once.

Usage: library.py LIBRARY PICTURE. Prints the best class; exits 1 when threads differ or when an
unusable call is not refused.
"""
import ctypes
import sys
import threading


class Class(ctypes.Structure):
    _fields_ = [
        ("struct_size", ctypes.c_size_t),
        ("label", ctypes.c_char_p),
        ("index", ctypes.c_int64),
        ("probability", ctypes.c_float),
        ("reserved", ctypes.c_int32),
    ]


library = ctypes.CDLL(sys.argv[1])
library.schooner_last_error.restype = ctypes.c_char_p
with open(sys.argv[2], "rb") as file:
    picture = file.read()
model = ctypes.c_void_p()
if library.schooner_create(None, ctypes.byref(model)) != 0:
    sys.exit(library.schooner_last_error().decode())


def classify(image):
    best = Class(struct_size=ctypes.sizeof(Class))
    count = ctypes.c_size_t(1)
    status = library.schooner_classify(
        model, image, ctypes.c_size_t(len(image)), ctypes.byref(best), ctypes.byref(count)
    )
    return (best.label, best.probability) if status == 0 else status


if classify(b"not an image") == 0 or b"image" not in library.schooner_last_error():
    sys.exit("a body that is no image was not refused")
answers = []
threads = [
    threading.Thread(target=lambda: answers.extend(classify(picture) for _ in range(20)))
    for _ in range(4)
]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
library.schooner_destroy(model)
if len(answers) != 80 or len(set(answers)) != 1:
    sys.exit(f"threads differ: {set(answers)}")
print(answers[0][0].decode())
