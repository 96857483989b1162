"""Attacks on model files, each with what it does to somebody who loads the file without the safeguard."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import obstore
import pytest
import skops.io
from obstore.store import MemoryStore, ObjectStore
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from image_assets.store.models.model_files import ModelManifest, manifest_name
from image_assets.store.models.model_store import load_model, read_champion
from image_assets.store.models.skops_files import TRUSTED, dump_model
from tests.store.kept_models import PREFIX, WIDTH, description, files, fitted, plant, put, rewrite_manifest
from tests.store.saving import save_model
from tests.store.test_model_store import Canary, rezip

FEATURES = np.random.default_rng(3).normal(size=(40, WIDTH)).astype(np.float32)


class Nest:
    """A store with a champion, a place for the canary, and what an attacker knows."""

    def __init__(self, folder: Path) -> None:
        self.store: ObjectStore = MemoryStore()
        self.model = fitted()
        self.manifest: ModelManifest = save_model(self.store, PREFIX, self.model, description())
        self.content = files(self.store)[self.manifest.file]
        self.canary = folder / "canary"

    def sang(self) -> bool:
        return self.canary.exists()

    def answers_otherwise(self, content: bytes) -> bool:
        """Whether a file that is loaded without a look at its digest gives other answers."""
        model = skops.io.loads(content, trusted=sorted(TRUSTED))
        return not np.array_equal(model.predict(FEATURES), self.model.predict(FEATURES))

    def say(self, **changes: Any) -> None:
        """Change the champion's manifest and nothing else: its seal stays what it was."""
        name = manifest_name(read_champion(self.store, PREFIX).sha256)
        put(self.store, name, json.dumps({**json.loads(files(self.store)[name]), **changes}).encode())


class SingsWhenRestored(TransformerMixin, BaseEstimator):
    """A transformer that runs code when its state is restored, as skops does once its type is trusted."""

    def __init__(self, path: str = "") -> None:
        self.path = path

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        Path(self.path).write_text("sang")


def stored_array(number: str, content: bytes, change: Callable[[np.ndarray], np.ndarray]) -> bytes:
    """The model with one array changed."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        array = change(np.load(io.BytesIO(archive.read(f"{number}.npy"))))
    buffer = io.BytesIO()
    np.save(buffer, array)
    return rezip(content, **{f"{number}_npy": buffer.getvalue()})


def coefficients(content: bytes) -> str:
    """Number of the array that holds the coefficients: the only one with a row per class."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = [name for name in archive.namelist() if name.endswith(".npy")]
        shapes = {name: np.load(io.BytesIO(archive.read(name)), allow_pickle=False).shape for name in names}
    return next(name.removesuffix(".npy") for name, shape in shapes.items() if shape == (3, WIDTH))


def other_coefficients(nest: Nest) -> bytes:
    return stored_array(coefficients(nest.content), nest.content, lambda array: -array)


def works_altered(nest: Nest) -> bool:
    return nest.answers_otherwise(other_coefficients(nest))


def altered(nest: Nest) -> None:
    put(nest.store, nest.manifest.file, other_coefficients(nest))


def one_bit(nest: Nest) -> bytes:
    """The sign of a coefficient."""
    start, size = place_of_coefficients(nest)
    content = bytearray(nest.content)
    content[start + size - 1] ^= 0x80
    return bytes(content)


def place_of_coefficients(nest: Nest) -> tuple[int, int]:
    """Where they lie in the file, which is not compressed, and how many bytes they are."""
    numbers = nest.model.pipeline.named_steps["classify"].coef_.tobytes(order="A")
    return nest.content.index(numbers), len(numbers)


def another_sign(nest: Nest) -> bool:
    """For somebody who ignores the archive's own checksums."""
    start, size = place_of_coefficients(nest)
    type_ = nest.model.pipeline.named_steps["classify"].coef_.dtype
    was, now = (np.frombuffer(one[start : start + size], type_) for one in (nest.content, one_bit(nest)))
    return was[-1] == -now[-1] != 0


def pickled(nest: Nest) -> bytes:
    return pickle.dumps(Canary(nest.canary))


def works_pickled(nest: Nest) -> bool:
    pickle.loads(pickled(nest))
    return nest.sang()


def joblib_file(nest: Nest) -> bytes:
    buffer = io.BytesIO()
    joblib.dump(Canary(nest.canary), buffer)
    return buffer.getvalue()


def works_joblib(nest: Nest) -> bool:
    joblib.load(io.BytesIO(joblib_file(nest)))
    return nest.sang()


def pickle_in_an_array(nest: Nest) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([Canary(nest.canary)], dtype=object), allow_pickle=True)
    return rezip(nest.content, **{f"{coefficients(nest.content)}_npy": buffer.getvalue()})


def works_in_an_array(nest: Nest) -> bool:
    with zipfile.ZipFile(io.BytesIO(pickle_in_an_array(nest))) as archive:
        np.load(io.BytesIO(archive.read(f"{coefficients(nest.content)}.npy")), allow_pickle=True)
    return nest.sang()


def foreign_type(nest: Nest) -> bytes:
    pipeline = Pipeline([("scale", SingsWhenRestored(str(nest.canary))), ("classify", LogisticRegression())])
    return skops.io.dumps(pipeline)


def works_when_trusted(make: Callable[[Nest], bytes]) -> Callable[[Nest], bool]:
    """What a reader does that takes the list of trusted types from the file."""

    def works(nest: Nest) -> bool:
        content = make(nest)
        model = skops.io.loads(content, trusted=skops.io.get_untrusted_types(data=content))
        if not nest.sang():
            model.named_steps["scale"].transform(FEATURES)
        return nest.sang()

    return works


def function_of_the_system(nest: Nest) -> bytes:
    return skops.io.dumps(_with_step(FunctionTransformer(os.system)))


def _with_step(step: Any) -> Pipeline:
    return Pipeline([("scale", step), ("classify", LogisticRegression())])


def works_as_a_function(nest: Nest) -> bool:
    content = function_of_the_system(nest)
    model = skops.io.loads(content, trusted=skops.io.get_untrusted_types(data=content))
    model.named_steps["scale"].func(f"touch {nest.canary}")
    return nest.sang()


def foreign_loader(nest: Nest) -> bytes:
    with zipfile.ZipFile(io.BytesIO(nest.content)) as archive:
        schema = json.loads(archive.read("schema.json"))
    schema["__loader__"] = "ConstructorFromReduceNode"
    return rezip(nest.content, schema_json=json.dumps(schema).encode())


def bomb(nest: Nest) -> bytes:
    """60 MB of zeros in some kB."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(nest.content)) as source, zipfile.ZipFile(buffer, "w") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name))
        target.writestr("9.npy", bytes(60_000_000), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def works_as_a_bomb(nest: Nest) -> bool:
    with zipfile.ZipFile(io.BytesIO(bomb(nest))) as archive:
        return len(archive.read("9.npy")) > 500 * len(bomb(nest))


def in_the_models_place(make: Callable[[Nest], bytes]) -> Callable[[Nest], None]:
    """The file is replaced; manifest and seal still have the digest of the old one."""
    return lambda nest: put(nest.store, nest.manifest.file, make(nest))


def vouched_for(make: Callable[[Nest], bytes]) -> Callable[[Nest], None]:
    """Digest, manifest, seal and champion say that the file is right: the digest is no help."""
    return lambda nest: plant(nest.store, make(nest))


def works_swapped(nest: Nest) -> bool:
    return nest.answers_otherwise(dump_model(fitted(1)))


def classes_exchanged(nest: Nest) -> None:
    nest.say(classes={"plant": 1, "animal": 0, "human": 2})


def names_are_exchanged(nest: Nest) -> bool:
    """Without the seal the manifest is one that belongs to the model."""
    classes_exchanged(nest)
    rewrite_manifest(nest.store)
    _, manifest = load_model(nest.store, PREFIX, "abc123")
    return manifest.classes["plant"] == 1


def extractor_forged(nest: Nest) -> None:
    nest.say(extractor_digest="def456")


def forged_extractor_is_believed(nest: Nest) -> bool:
    extractor_forged(nest)
    rewrite_manifest(nest.store)
    return load_model(nest.store, PREFIX, "def456")[1].extractor_digest == "def456"


def digest_forged(nest: Nest) -> None:
    """The file and the digest in its manifest are changed together, the name and the seal are not."""
    content = other_coefficients(nest)
    put(nest.store, nest.manifest.file, content)
    nest.say(sha256=hashlib.sha256(content).hexdigest())


def outside(nest: Nest) -> None:
    obstore.put(nest.store, "elsewhere/model.skops", dump_model(fitted(1)))
    nest.say(file="../../elsewhere/model.skops")


def outside_is_reached(nest: Nest) -> bool:
    outside(nest)
    path = os.path.normpath(f"{PREFIX}/../../elsewhere/model.skops")
    return nest.answers_otherwise(bytes(obstore.get(nest.store, path).bytes()))


def other_manifest(nest: Nest) -> None:
    other = save_model(nest.store, "other", fitted(1), description(classes={"cat": 0, "dog": 1, "cow": 2}))
    content = bytes(obstore.get(nest.store, f"other/{manifest_name(other.sha256)}").bytes())
    put(nest.store, manifest_name(nest.manifest.sha256), content)


def other_manifest_is_read(nest: Nest) -> bool:
    other_manifest(nest)
    return "cat" in json.loads(files(nest.store)[manifest_name(nest.manifest.sha256)])["classes"]


def champion_says(content: Callable[[Nest], bytes]) -> Callable[[Nest], None]:
    return lambda nest: put(nest.store, "champion.json", content(nest))


def champion_elsewhere(nest: Nest) -> bytes:
    champion = json.loads(read_champion(nest.store, PREFIX).to_bytes())
    return json.dumps(champion | {"sha256": "../../elsewhere/x"}).encode()


def html(_: Nest) -> bytes:
    return b"<!DOCTYPE html><html><body>404</body></html>"


def half(nest: Nest) -> bytes:
    return nest.content[: len(nest.content) // 2]


def nothing(_: Nest) -> bytes:
    return b""


def is_no_model(make: Callable[[Nest], bytes]) -> Callable[[Nest], bool]:
    """Without the check the reader ends in some error of some library, and nobody is told which file it was."""

    def works(nest: Nest) -> bool:
        with pytest.raises(Exception) as caught:  # noqa: PT011  # whatever it is
            skops.io.loads(make(nest), trusted=sorted(TRUSTED))
        return nest.manifest.file not in str(caught.value)

    return works


Attack = tuple[Callable[[Nest], None], Callable[[Nest], bool], str, bool]
ATTACKS: dict[str, Attack] = {
    # What is planted, what it does without the safeguard, what is said, whether the file's content is ever parsed.
    "coefficients turned round": (altered, works_altered, "was altered", False),
    "one bit of a coefficient": (
        in_the_models_place(one_bit),
        another_sign,
        "was altered",
        False,
    ),
    "another sound model in its place": (
        in_the_models_place(lambda _: dump_model(fitted(1))),
        works_swapped,
        "was altered",
        False,
    ),
    "cut in half": (in_the_models_place(half), is_no_model(half), "was altered", False),
    "cut in half, vouched for": (vouched_for(half), is_no_model(half), "not a skops file", True),
    "empty": (in_the_models_place(nothing), is_no_model(nothing), "was altered", False),
    "HTML": (in_the_models_place(html), is_no_model(html), "was altered", False),
    "HTML, vouched for": (vouched_for(html), is_no_model(html), "not a skops file", True),
    "wrong digest in the manifest": (digest_forged, works_altered, "not a manifest", False),
    "pickle": (in_the_models_place(pickled), works_pickled, "was altered", False),
    "pickle, vouched for": (vouched_for(pickled), works_pickled, "not a skops file", True),
    "joblib, vouched for": (vouched_for(joblib_file), works_joblib, "not a skops file", True),
    "pickle within an array, vouched for": (
        vouched_for(pickle_in_an_array),
        works_in_an_array,
        "a damaged skops file",
        True,
    ),
    "type that sings when it is restored": (
        vouched_for(foreign_type),
        works_when_trusted(foreign_type),
        "SingsWhenRestored, which no model of ours",
        True,
    ),
    "function of the system": (
        vouched_for(function_of_the_system),
        works_as_a_function,
        "FunctionTransformer",
        True,
    ),
    "loader that calls what it is told": (
        vouched_for(foreign_loader),
        lambda nest: b"ConstructorFromReduceNode" in foreign_loader(nest),
        "ConstructorFromReduceNode",
        True,
    ),
    "archive that swells": (vouched_for(bomb), works_as_a_bomb, "would unpack", True),
    "classes exchanged in the manifest": (classes_exchanged, names_are_exchanged, "does not match its seal", False),
    "model of another extractor, forged": (
        extractor_forged,
        forged_extractor_is_believed,
        "does not match its seal",
        False,
    ),
    "file outside the folder": (outside, outside_is_reached, "is named model-", False),
    "manifest of another model": (other_manifest, other_manifest_is_read, "manifest of another model", False),
    "champion that is HTML": (
        champion_says(html),
        lambda nest: bool(html(nest)),
        "does not name a champion",
        False,
    ),
    "champion outside the folder": (
        champion_says(champion_elsewhere),
        lambda nest: b"elsewhere" in champion_elsewhere(nest),
        "does not name a champion",
        False,
    ),
}
