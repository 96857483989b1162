"""Models as bytes: skops files that are the same for the same model, and that cannot run code when read.

A skops file is a zip of `schema.json`, the tree of the objects' types and attributes, and one `.npy` file per array.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator

import skops.io
from sklearn.pipeline import Pipeline

from image_assets.store.models.model import Model
from image_assets.store.models.sklearn_model import STEPS, SklearnModel
from image_assets.store.zip_damage import ZIP_DAMAGE

# What a model may be made of. skops itself trusts all of scikit-learn and numpy; a file needs no more than this,
# and the list is never read from a file. A new kind of classifier adds its types here.
TRUSTED = frozenset(
    {
        "builtins.dict",
        "builtins.list",
        "builtins.str",
        "builtins.tuple",
        "image_assets.store.models.known_images.KnownImages",
        "image_assets.store.models.signed_root.SignedRoot",
        "numpy.float64",
        "numpy.int64",
        "numpy.ndarray",
        "numpy.random._generator.Generator",
        "numpy.random.mtrand.RandomState",
        "numpy.uint64",
        "sklearn._loss._loss.CyHalfBinomialLoss",
        "sklearn._loss._loss.CyHalfMultinomialLoss",
        "sklearn._loss.link.Interval",
        "sklearn._loss.link.LogitLink",
        "sklearn._loss.link.MultinomialLogit",
        "sklearn._loss.loss.HalfBinomialLoss",
        "sklearn._loss.loss.HalfMultinomialLoss",
        "sklearn.calibration.CalibratedClassifierCV",
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.discriminant_analysis.LinearDiscriminantAnalysis",
        "sklearn.ensemble._forest.RandomForestClassifier",
        "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
        "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.linear_model._logistic.LogisticRegression",
        "sklearn.neural_network._multilayer_perceptron.MLPClassifier",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.pipeline.Pipeline",
        "sklearn.preprocessing._data.StandardScaler",
        "sklearn.preprocessing._label.LabelBinarizer",
        "sklearn.preprocessing._label.LabelEncoder",
        "sklearn.svm._classes.SVC",
        "sklearn.tree._classes.DecisionTreeClassifier",
        "sklearn.tree._tree.Tree",
    }
)
TRUSTED_LOADERS = frozenset(
    {
        "DictNode",
        "JsonNode",
        "ListNode",
        "LossNode",
        "NdArrayNode",
        "ObjectNode",
        "RandomGeneratorNode",
        "RandomStateNode",
        "TreeNode",
        "TupleNode",
        "TypeNode",
    }
)

_SCHEMA = "schema.json"
# The earliest time that a zip can hold: files must not depend on when they are written.
_NO_TIME = (1980, 1, 1, 0, 0, 0)
# And a schema of other things than ours.
_DAMAGE = (*ZIP_DAMAGE, KeyError, TypeError)


class UnsafeModelError(ValueError):
    """The bytes are not a skops file of the types that a model may be made of."""


def dump_model(model: Model) -> bytes:
    """A model as a skops file, the same bytes for the same model.

    skops writes memory addresses (`__id__`, array file names) and the time into its files. The addresses only serve
    to restore two references to one object as such, which our models do not have, so they are left out; arrays are
    numbered in the order of the tree.

    Raises:
        TypeError: it is no model of scikit-learn.
    """
    if not isinstance(model, SklearnModel):
        raise TypeError(f"a {type(model).__name__} cannot be written as skops")
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(model.pipeline))) as source:
        schema = json.loads(source.read(_SCHEMA))
        arrays: dict[str, str] = {}
        for node in _nodes(schema):
            node.pop("__id__", None)
            if "file" in node:
                node["file"] = arrays.setdefault(node["file"], f"{len(arrays)}.npy")
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as target:
            for name, number in arrays.items():
                target.writestr(zipfile.ZipInfo(number, _NO_TIME), source.read(name))
            target.writestr(zipfile.ZipInfo(_SCHEMA, _NO_TIME), json.dumps(schema, indent=1))
    return buffer.getvalue()


def parse_model(content: bytes) -> SklearnModel:
    """The model in a skops file, whose types are compared with `TRUSTED` before anything is built.

    Raises:
        UnsafeModelError: no skops file, a damaged one, or one of other types; nothing of it has run.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
            if unpacked > len(content):
                # Nothing in our files is compressed, and no two entries share bytes.
                raise UnsafeModelError(
                    f"would unpack {len(content):,} bytes to {unpacked:,}, which no file of ours does"
                )
            schema = json.loads(archive.read(_SCHEMA))
        nodes = list(_nodes(schema))
        types = {f"{node['__module__']}.{node['__class__']}" for node in nodes}
        foreign = types - TRUSTED | {node["__loader__"] for node in nodes} - TRUSTED_LOADERS
    except UnsafeModelError:
        raise
    except _DAMAGE as error:
        raise UnsafeModelError(f"not a skops file ({error})") from error
    if foreign:
        raise UnsafeModelError(f"holds {', '.join(sorted(map(str, foreign)))}, which no model of ours is made of")
    try:
        # skops checks the types once more, against its own list and ours.
        pipeline = skops.io.loads(content, trusted=sorted(TRUSTED))
    except Exception as error:
        raise UnsafeModelError(f"a damaged skops file ({type(error).__name__}: {error})") from error
    if not isinstance(pipeline, Pipeline):
        raise UnsafeModelError(f"holds a {type(pipeline).__name__}, expected a scikit-learn Pipeline")
    if tuple(pipeline.named_steps) not in STEPS:
        raise UnsafeModelError(
            f"is of the steps {', '.join(pipeline.named_steps)}, expected {' or '.join(map(', '.join, STEPS))}"
        )
    return SklearnModel(pipeline)


def _nodes(tree: object) -> Iterator[dict[str, str]]:
    """Every node of a schema, parents first: the dicts that say how they are loaded."""
    if isinstance(tree, dict):
        if "__loader__" in tree:
            yield tree
        for child in tree.values():
            yield from _nodes(child)
    elif isinstance(tree, list):
        for child in tree:
            yield from _nodes(child)
