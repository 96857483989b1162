"""What Python's zip reader raises of a file that is no zip, or one that is damaged, encrypted or of another kind."""

from __future__ import annotations

import lzma
import zipfile
import zlib

# RuntimeError and what derives from it is said of passwords, versions, methods and depth.
ZIP_DAMAGE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError, RuntimeError)
