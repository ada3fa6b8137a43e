"""What the reference says of things whose code has no sentence of its own.

Every table here has to have exactly the keys that the code has; generating the pages checks that.
"""

ADVICE = {
    "internal_error": "Read the service's log; report it with the request if it repeats.",
    "invalid_input": "Change what the message names: a field, row, option or header.",
    "payload_too_large": "Send less at once. `TRADEWORTHY_MAX_PREDICT_BYTES` may be raised for "
    "predictions, `TRADEWORTHY_MAX_UPLOAD_BYTES` for files; other JSON takes 8 MiB.",
    "unsupported_media_type": "Send the content type that the message names.",
    "unauthenticated": "Send `Authorization: Bearer <token>` or `--token-file`; ask an admin for a "
    "token.",
    "forbidden": "Ask somebody with the role or scope that the message names.",
    "model_not_found": "Check the name with `tradeworthy models list`; register the model "
    "with `tradeworthy models register MODEL --strategy STRATEGY --owner OWNER`.",
    "version_not_found": "Check the number with `tradeworthy models versions MODEL`.",
    "no_production_version": "Promote a version step by step: `tradeworthy promote MODEL VERSION`.",
    "not_found": "Check the key; market data is kept by `tradeworthy datasets add BARS`, a "
    "release by `tradeworthy features activate FILES`.",
    "route_not_found": "Check the path against the table of routes or `/openapi.json`; a server "
    "that is older than the command line may lack it.",
    "method_not_allowed": "Use a method that the `Allow` header names.",
    "already_exists": "Use what is there, or choose another name; what was done need not be done "
    "again.",
    "last_admin": "Rotate it with `tradeworthy tokens rotate TOKEN_ID --out FILE`, or issue "
    "another admin a token without a scope first: `tradeworthy tokens create ACTOR --role "
    "admin --out FILE`.",
    "idempotency_conflict": "Choose a new Idempotency-Key, or wait until the first request ended.",
    "invalid_transition": "See the stage with `tradeworthy models versions MODEL`: a promotion is "
    "one step forward, RETIRED is final.",
    "stale_stage": "Somebody was faster: look at the version again, then decide again.",
    "stale_epoch": "See `tradeworthy features active`, then activate with its epoch: `tradeworthy "
    "features activate FILES --expected-epoch EPOCH`.",
    "precondition_failed": "Read the status again and send its ETag in If-Match.",
    "promotion_refused": "Read the failed gates in `details.verdict`; each says what to do.",
    "approval_refused": "Let somebody who neither drafted nor trained it approve what the registry "
    "holds now: `tradeworthy approve MODEL VERSION`.",
    "policy_invalid": "Repair the policy file; `tradeworthy policy check FILE` names the place.",
    "override_loosens_policy": "Tighten only, or change the policy file.",
    "feature_logic_refused": "Write the feature without what the message names, or declare it "
    "`impure` with a `salt`.",
    "feature_graph_invalid": "Repair the definition that the message names.",
    "feature_cycle": "Break the circle that the message names.",
    "feature_dependency_missing": "Define or rename what the message names.",
    "feature_conflict": "Raise the version of one of the two features that the message names.",
    "feature_graph_mismatch": "Do one of `details.ways_out`; `details.differences` says what "
    "changed, `details.nodes` names every feature that differs.",
    "release_in_use": "Keep the old definition beside the changed one under a new version number, "
    "or activate `details.files` with the others, retire the versions, or let an admin force it: "
    "`tradeworthy features activate FILES --force`.",
    "release_unconfirmed": "Ask again; check that the worker reaches the database. In process, ask "
    "a running service.",
    "manifest_invalid": "Do not edit manifests; `tradeworthy manifest fetch MODEL VERSION --into "
    "FOLDER` writes the one that the registry has into a folder that holds no other.",
    "dataset_invalid": "Repair the market data that the message names, or keep it with "
    "`tradeworthy datasets add BARS`.",
    "strategy_invalid": "Repair the strategy file, or deploy the one that the version was trained "
    "with.",
    "artifact_invalid": "Restore the artifact file from a backup, or train a new version.",
    "model_quarantined": "Clear the cause, then an operator runs `tradeworthy lift-quarantine "
    "MODEL VERSION --reason WHY`.",
    "request_too_slow": "Send the request again over a faster connection.",
    "prediction_log_full": "Make room on the disk of the prediction log.",
    "store_unavailable": "Check the database; after an upgrade run `tradeworthy init`.",
    "service_stopping": "Ask again: another process, or the one that is started next, answers.",
    "home_unusable": "Check `--home` and its permissions; `tradeworthy init` makes a new one.",
    "address_in_use": "Choose another `--port` or `--host`.",
    "settings_invalid": "Correct the option or environment variable that the message names.",
    "server_unreachable": "Check that the server runs and that `--server` is its URL.",
}

# Routes whose authorisation depends on the request; their mark is the least that all take.
BY_REQUEST = {
    ("POST", "/api/v1/ml/{model}/promote"): "by target: see the lifecycle; a dry run: any of them",
    ("POST", "/api/v1/ml/releases/activate"): "operator; with `force` admin",
}

MANIFEST = {
    "schema_version": "Version of this format; 1.",
    "model": "The model's name.",
    "version": "The version's number, from 1, never reused.",
    "strategy": "The strategy that the model belongs to.",
    "created_at": "When the version was drafted.",
    "created_by": "Who drafted it.",
    "feature_graph_hash": "What the version is bound to: its inputs in order with all ancestors.",
    "feature_graph": "The snapshot of that graph: nodes, dependencies, hashes, canonical logic.",
    "inputs": "The features the model takes, in its order.",
    "training_config_hash": "Hash of `config` without `volatile_keys`; 1 and 1.0 are different.",
    "config": "The resolved training configuration.",
    "volatile_keys": "Keys of `config` that are no part of its hash.",
    "dataset_hash": "Hash of the training table, from the digests of its columns.",
    "dataset.rows": "Rows of the training table.",
    "dataset.columns": "Its columns.",
    "dataset.columns[].name": "Name of a column.",
    "dataset.columns[].dtype": "Its logical type.",
    "dataset.columns[].digest": "Digest of its values in row order.",
    "dataset.key": "The columns that tell rows apart.",
    "dataset.time_start": "First moment in the table.",
    "dataset.time_end": "Last moment in the table.",
    "dataset.as_of": "The moment whose knowledge the table holds.",
    "dataset.sources": "Where the rows came from.",
    "dataset.sources[].name": "Name of a source.",
    "dataset.sources[].digest": "Content hash of the market data; the backtest finds it by this.",
    "dataset.sources[].version": "Version of the source, if it has one.",
    "dataset.label": "The feature that was learnt.",
    "dataset.label_horizon": "How many periods ahead the label looks.",
    "dataset.train_end": "Last moment trained on; the artifact is tested on what follows.",
    "dataset.purge": "Periods dropped between training and test.",
    "dataset.embargo": "Periods dropped after a test.",
    "git_commit": "Commit of the strategy file's repository; null where git could not say.",
    "code.dirty": "Whether the tree differed from the commit; null where git could not say.",
    "code.diff_digest": "Digest of every changed or untracked file of a dirty tree.",
    "code.unclean": "The first ten paths that kept the tree from being clean; left out if there "
    "are none.",
    "code.entry_point": "The function that trains.",
    "code.entry_point.file": "Its file, relative to the strategies folder.",
    "code.entry_point.qualname": "Its name.",
    "code.entry_point.logic_hash": "Hash of its logic.",
    "code.signal_rule": "The function from predictions to target weights.",
    "code.signal_rule.file": "Its file.",
    "code.signal_rule.qualname": "Its name.",
    "code.signal_rule.logic_hash": "Hash of its logic.",
    "code.signal_rule.feature_file": "The file of the features.",
    "files": "The artifact files; the first one is served.",
    "files[].name": "Bare name of a file.",
    "files[].format": "`onnx` or `lightgbm`.",
    "files[].size": "Bytes.",
    "files[].sha256": "SHA-256 of the bytes; checked before anything is deserialised.",
    "runtime.python": "Python's implementation and version.",
    "runtime.platform": "System and machine.",
    "runtime.distributions": "Versions of the libraries that features and training rest on.",
    "runtime.lock_digest": "SHA-256 of a lock file, if one was given.",
    "runtime.threads": "Threads that training was pinned to, if it was.",
    "determinism.seeds": "Seeds by name.",
    "determinism.grade": "How alike a second training is expected to be: bitwise, numeric or "
    "statistical.",
    "evidence.golden_rows": "Rows of inputs that every load of the artifact is tested with.",
    "evidence.golden_predictions": "What the fitted estimator answered to them.",
    "evidence.training_profiles": "A drift profile of each input.",
    "evidence.look_ahead": "Result of a look-ahead test during training, if one was recorded.",
    "evidence.look_ahead.passed": "Whether it passed.",
    "evidence.look_ahead.tests": "Each test's own result.",
    "evidence.probe_hash": "Reserved; nothing writes it yet.",
    "metrics": "The trainer's claims; no gate reads them.",
}

NAMES = {
    "tradeworthy.TRANSITIONS": "Stage to the stages that a version may move to from it.",
    "tradeworthy.__version__": "The version of the product.",
}

# Each with its unit, which way is better, and what it is.
FIGURES = {
    "sharpe": (
        "a year",
        "higher",
        "Mean over sample deviation of the returns, times the root of "
        "the periods a year; the risk-free rate is zero.",
    ),
    "sharpe_per_period": ("a bar", "higher", "The same, not annualised."),
    "sortino": (
        "a year",
        "higher",
        "Mean over the root mean square of `min(return, 0)`, annualised.",
    ),
    "calmar": ("a year", "higher", "`annual_return` over `max_drawdown`."),
    "max_drawdown": ("share, 0 to 1", "lower", "Largest loss from a peak of compounded equity."),
    "annual_return": ("share a year", "higher", "Compound growth; -1 after ruin."),
    "annual_volatility": (
        "share a year",
        "lower",
        "Sample deviation times the root of the periods a year.",
    ),
    "skewness": ("-", "higher", "Third standardised moment of the returns."),
    "kurtosis": ("-", "lower", "Fourth standardised moment, not in excess: a normal has 3."),
    "var": (
        "share a bar",
        "lower",
        "Value at risk: minus the 5% quantile of the returns; a loss is positive.",
    ),
    "cvar": ("share a bar", "lower", "Mean loss of the bars that lost at least `var`."),
    "hit_rate": ("share, 0 to 1", "higher", "Bars with a return above zero, of all bars."),
    "psr": (
        "probability",
        "higher",
        "That the true Sharpe ratio is above zero, from length, skewness and kurtosis.",
    ),
    "n_observations": ("bars", "higher", "Out-of-sample bars that the figures rest on."),
    "sharpe_2x_cost": ("a year", "higher", "`sharpe` with all costs doubled."),
    "sharpe_4x_cost": ("a year", "higher", "`sharpe` with all costs times four."),
    "break_even_cost_bps": (
        "basis points of traded value",
        "higher",
        "Commission plus slippage at "
        "which the mean return is zero; negative for a loss before costs.",
    ),
    "turnover": ("times the equity, a year", "lower", "Traded value, buys and sells."),
    "exposure": ("times the equity", "-", "Mean gross weight: the sum of absolute weights."),
    "max_exposure": ("times the equity", "-", "Largest gross weight."),
    "n_trades": ("count", "higher", "Changes of one symbol's weight."),
    "artifact_sharpe": (
        "a year",
        "higher",
        "`sharpe` of the artifact itself, after its train end; the gate of that name shows it.",
    ),
    "dsr": (
        "probability",
        "higher",
        "`psr` against the best Sharpe ratio of as many trials by "
        "luck; the gate `min_dsr` shows it.",
    ),
    "pbo": (
        "probability",
        "lower",
        "That the best of the trials in sample is below their median "
        "out of sample; the gate `max_pbo` shows it.",
    ),
}
