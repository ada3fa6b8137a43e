"""A home with a model in PRODUCTION, made for benchmarks by the product's own functions.

Model, version, manifest, artifact, release and tokens come in through the use cases, as they
would over HTTP. Only the promotions are decided on a verdict that is given instead of earned: what
their gates cost is measured elsewhere.
"""

from __future__ import annotations

import itertools
import secrets
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tradeworthy.access.roles import Actor, Role
from tradeworthy.base.clock import utc_now
from tradeworthy.base.digests import sha256_hex, tagged_digest
from tradeworthy.base.settings import Settings, read_settings
from tradeworthy.features.feature_graph import FeatureGraph
from tradeworthy.lifecycle.commands import Approve, Promote
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.manifest.manifest import Manifest
from tradeworthy.manifest.records import CodeRecord, FileRecord, SignalRule
from tradeworthy.model_registry.changes import Change, change_model
from tradeworthy.runtime.home_setup import initialise
from tradeworthy.runtime.service import Service, open_service

MODEL, STRATEGY = "alpha", "benchmark"
FEATURES = tuple(f"feature_{index:02d}" for index in range(20))
TREES, DEPTH = 200, 5
VERDICT = tagged_digest("benchmark/v1", b"verdict")
AUTHOR, OPERATOR = (
    Actor(name, frozenset({role}))
    for name, role in (("ana", Role.RESEARCHER), ("olga", Role.OPERATOR))
)

_FEATURE = """
@feature(version=1)
def feature_{index:02d}(close: pl.Expr) -> pl.Expr:
    return close.pct_change({index} + 1)
"""


@dataclass(frozen=True)
class Deployed:
    """What a client of the home has to know."""

    settings: Settings
    token: str
    feature_graph_hash: str


def forest(trees: int = TREES) -> bytes:
    """Make an ONNX forest of complete trees: float32 ``[batch, 20]`` to ``[batch, 1]``."""
    from onnx import TensorProto, helper

    draw = np.random.default_rng(7)
    inner, leaves = 2**DEPTH - 1, 2**DEPTH
    ids = np.arange(inner + leaves)
    is_leaf = ids >= inner
    tree_ids = np.repeat(np.arange(trees), len(ids))
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["rows"],
        ["value"],
        domain="ai.onnx.ml",
        n_targets=1,
        nodes_treeids=tree_ids.tolist(),
        nodes_nodeids=np.tile(ids, trees).tolist(),
        nodes_featureids=draw.integers(0, len(FEATURES), len(tree_ids)).tolist(),
        nodes_values=draw.normal(size=len(tree_ids)).tolist(),
        nodes_modes=["LEAF" if leaf else "BRANCH_LEQ" for leaf in is_leaf] * trees,
        nodes_truenodeids=np.tile(np.where(is_leaf, 0, 2 * ids + 1), trees).tolist(),
        nodes_falsenodeids=np.tile(np.where(is_leaf, 0, 2 * ids + 2), trees).tolist(),
        nodes_missing_value_tracks_true=[0] * len(tree_ids),
        target_treeids=np.repeat(np.arange(trees), leaves).tolist(),
        target_nodeids=np.tile(ids[is_leaf], trees).tolist(),
        target_ids=[0] * (trees * leaves),
        target_weights=draw.normal(size=trees * leaves).tolist(),
    )
    graph = helper.make_graph(
        [node],
        "forest",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, [None, len(FEATURES)])],
        [helper.make_tensor_value_info("value", TensorProto.FLOAT, [None, 1])],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


def make_home(folder: Path) -> Settings:
    """Initialise a home with a feature file of twenty features."""
    settings = read_settings(home=folder, port=0)
    initialise(settings, admin="root", clock=utc_now, randomness=secrets.token_bytes)
    lines = ["import polars as pl", "from tradeworthy import feature", ""]
    text = "\n".join(lines) + "".join(_FEATURE.format(index=each) for each in range(len(FEATURES)))
    (settings.strategies_folder / "features.py").write_text(text)
    return settings


def deploy(folder: Path, trees: int = TREES) -> Deployed:
    """Make a home whose model `MODEL` answers predictions from an ONNX forest."""
    settings = make_home(folder)
    service = open_service(settings, randomness=secrets.token_bytes)
    try:
        service.registry.register_model(
            MODEL, strategy=STRATEGY, owner="desk", tier="standard", actor=AUTHOR
        )
        graph = FeatureGraph.read_file(settings.strategies_folder / "features.py")
        snapshot = graph.snapshot(FEATURES)
        draft(service, MODEL, forest(trees))
        put_in_production(service, MODEL, 1)
        release = service.releases.register([snapshot.to_json()], actor=AUTHOR)
        service.releases.activate(
            release.digest, expected_epoch=0, reason="benchmark", actor=OPERATOR
        )
        admin = service.authenticate((folder / "root.token").read_text().strip())
        token, _ = service.tokens.issue("vera", frozenset({Role.VIEWER}), None, issuer=admin)
    finally:
        service.close()
    return Deployed(settings, token, snapshot.hash)


def draft(service: Service, model: str, artifact: bytes) -> int:
    """Add a version with its manifest and its artifact; it stays a DRAFT."""
    sha256 = sha256_hex(artifact)
    service.blobs.put(artifact, sha256)
    graph = FeatureGraph.read_file(service.settings.strategies_folder / "features.py")
    snapshot = graph.snapshot(FEATURES)
    version = service.registry.draft_version(model, actor=AUTHOR)
    rule = SignalRule("features.py", FEATURES[0], "c" * 64, "features.py")
    manifest = Manifest(
        model=model,
        version=version,
        strategy=STRATEGY,
        feature_graph_hash=snapshot.hash,
        feature_graph=snapshot,
        inputs=FEATURES,
        code=CodeRecord(signal_rule=rule),
        files=(FileRecord("forest.onnx", "onnx", len(artifact), sha256),),
    )
    text = manifest.to_json().encode()
    service.registry.record_manifest(model, version, text, actor=AUTHOR)
    return version


def put_in_production(service: Service, model: str, version: int) -> None:
    """Approve a DRAFT with a manifest and take it to PRODUCTION on a given verdict."""
    state = service.registry.model(model).state
    policy = service.policies.of(state)
    content = state.versions[version].content_digest
    assert content is not None
    approve = Approve(version, Stage.PRODUCTION, content, policy.digest)
    _decide(service, model, approve, "vic")
    steps = list(Stage)[: list(Stage).index(Stage.PRODUCTION) + 1]
    for source, target in itertools.pairwise(steps):
        _decide(
            service,
            model,
            Promote(version, source, target, True, VERDICT, policy.digest, 1),
            OPERATOR.name,
        )


def _decide(service: Service, model: str, command: Approve | Promote, actor: str) -> None:
    record = service.registry.model(model)
    change_model(service.store, record, lambda _: Change(command), actor=actor, now=service.clock())
