"""The sealed bundle: everything an analysis needs, in one zip that shows when it was edited.

A bundle holds

- `protocol.json`: {"study", "task_texts", "study_file" (every field of the study file as resolved),
  "study_file_sha256", "manifest_sha256", "locked_at", "exported_at", "texts_sha256"};
- `stimuli.json`: the stimulus manifest (which image, which systems, SHA-256 of each picture);
- `plan.csv`: every trial of every slot as built when the study was created;
- `responses.csv`: see `twoafc_server.formats.responses`; `participants.csv`: pseudonym, status,
  slot, task, catch trials passed, exclusion; `events.csv`: the ledger;
- `codebook.json`: what each column and flag means;
- `seal.json`: {"version", "files": {name: SHA-256}, "digest"}, where `digest` is the SHA-256 of the
  sorted lines "<sha256>  <name>". Publish the digest: it fixes every byte of the others.

To analyse one: `read_bundle(path)` verifies it and returns the files; nothing is returned from a
bundle that does not verify. `read_bundle(path, expected=DIGEST)` also refuses a re-sealed one.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twoafc_server.base.errors import InputError
from twoafc_server.base.files import write_atomic

SEAL = "seal.json"
VERSION = 1
REQUIRED = (
    "protocol.json",
    "stimuli.json",
    "plan.csv",
    "responses.csv",
    "participants.csv",
    "events.csv",
    "codebook.json",
)
MOST_FILES = 100
MOST_BYTES = 2_000_000_000
# The zip format cannot go lower than 1980; a constant makes equal data equal bytes.
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Bundle:
    """A verified bundle: its files by name, the parsed protocol and the digest of the seal."""

    files: Mapping[str, bytes]
    protocol: Mapping[str, Any]
    digest: str

    def text(self, name: str) -> str:
        """One file, decoded from UTF-8."""
        return self.files[name].decode("utf-8")


def seal(files: Mapping[str, bytes]) -> dict[str, Any]:
    """The content of seal.json for these files."""
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())}
    lines = "".join(f"{value}  {name}\n" for name, value in hashes.items())
    digest = hashlib.sha256(lines.encode()).hexdigest()
    return {"version": VERSION, "files": hashes, "digest": digest}


def pack(files: Mapping[str, bytes]) -> tuple[bytes, str]:
    """Seal the files; returns the zip and its digest. Equal files give equal bytes."""
    missing = sorted(set(REQUIRED) - set(files))
    if missing:
        raise ValueError(f"a bundle needs {', '.join(missing)}")
    sealed = seal(files)
    entries = {**files, SEAL: json.dumps(sealed, indent=1).encode()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(entries.items()):
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue(), str(sealed["digest"])


def write_bundle(path: Path, files: Mapping[str, bytes]) -> str:
    """Write the sealed files as a zip; returns the digest."""
    data, digest = pack(files)
    write_atomic(path, data)
    return digest


def read_bundle(path: Path, expected: str | None = None) -> Bundle:
    """Verify a bundle and return its content.

    expected: the published digest, if known.
    Raises InputError if it is no bundle, unsealed, edited, incomplete or not the expected one.
    """
    files = _read_zip(path)
    sealed = _stored_seal(path, files.pop(SEAL, None))
    missing = sorted(set(REQUIRED) - set(files))
    if missing:
        raise InputError(f"found no {', '.join(missing)} in {path}: export the bundle again")
    found = seal(files)
    edited = sorted(
        name
        for name in found["files"].keys() | sealed["files"].keys()
        if found["files"].get(name) != sealed["files"].get(name)
    )
    if edited or found["digest"] != sealed["digest"]:
        what = ", ".join(edited) or "the seal itself"
        raise InputError(f"{path} was edited after it was sealed ({what}): export it again")
    if expected is not None and expected != found["digest"]:
        raise InputError(f"found digest {found['digest']} in {path}, wanted {expected}")
    return Bundle(files, json.loads(files["protocol.json"]), str(found["digest"]))


def _read_zip(path: Path) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(path) as archive:
            _require_modest(path, archive)
            return {name: archive.read(name) for name in archive.namelist()}
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise InputError(f"{path} is not a readable study bundle: {error}") from error


def _require_modest(path: Path, archive: zipfile.ZipFile) -> None:
    """Nothing is unpacked to disk; and what a small file could grow to in memory is bounded."""
    entries = archive.infolist()
    total = sum(entry.file_size for entry in entries)
    if len(entries) > MOST_FILES or total > MOST_BYTES:
        raise InputError(
            f"found {len(entries)} files of {total / 1e6:.0f} MB in {path}, wanted at most "
            f"{MOST_FILES} of {MOST_BYTES / 1e6:.0f} MB: this is no bundle of a study"
        )


def _stored_seal(path: Path, data: bytes | None) -> dict[str, Any]:
    if data is None:
        raise InputError(f"{path} is not sealed (no {SEAL}): use `export --bundle` to make one")
    try:
        stored = json.loads(data)
    except ValueError as error:
        raise InputError(f"the seal of {path} is not JSON: {error}") from error
    if not isinstance(stored, dict) or not isinstance(stored.get("files"), dict):
        raise InputError(f"the seal of {path} lists no files: export the bundle again")
    if stored.get("version") != VERSION:
        raise InputError(f"found seal version {stored.get('version')!r}, wanted {VERSION}")
    return stored
