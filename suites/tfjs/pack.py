"""Packs a folder of cases into `layers.zip.zst`."""

import io
import os
import sys
import zipfile

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tensorflow"))

from archive import pack

made = io.BytesIO()
with zipfile.ZipFile(made, "w") as archive:
    for root, _, names in sorted(os.walk(sys.argv[1])):
        for name in sorted(names):
            path = os.path.join(root, name)
            entry = zipfile.ZipInfo(os.path.relpath(path, sys.argv[1]))
            archive.writestr(entry, open(path, "rb").read())
pack("layers.zip.zst", made.getvalue())
