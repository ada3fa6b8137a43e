"""The gates, in the order a verdict lists them, and which target asks for which."""

from __future__ import annotations

import math
from collections.abc import Callable

from tradeworthy.lifecycle.stages import Stage
from tradeworthy.promotion.facts import Facts
from tradeworthy.promotion.gate import (
    Finding,
    Gate,
    at_least,
    at_most,
    failed,
    not_applicable,
    passed,
    require,
)
from tradeworthy.promotion.policy.policy import Policy
from tradeworthy.promotion.policy.policy_schema import AUTO, JUDGING, SEVERITIES

# Fewer trials than this say nothing about how overfitting ranks among them.
MIN_TRIALS_FOR_PBO = 10
# Clocks of two servers differ by less.
CLOCK_TOLERANCE_DAYS = 1.0

EVERY_STEP = frozenset({Stage.TRAINED, Stage.VALIDATED, Stage.STAGING, Stage.PRODUCTION})
EVIDENCE = frozenset({Stage.VALIDATED, Stage.PRODUCTION})
DEPLOYMENT = frozenset({Stage.STAGING, Stage.PRODUCTION})
LIVE = frozenset({Stage.PRODUCTION})


def _policy_judges(_: Facts, policy: Policy) -> Finding:
    judging = sorted(JUDGING & policy.values.keys())
    if judging:
        return passed(len(judging), 1, "the policy sets " + ", ".join(judging))
    return failed(0, 1, "the policy sets no threshold on performance or statistics")


def _recorded(missing: tuple[str, ...] | None) -> Finding:
    if missing is None:
        return failed(None, 0, "there is no manifest")
    if missing:
        return failed(len(missing), 0, "the manifest does not record " + ", ".join(missing))
    return passed(0, 0, "the manifest records what this step needs")


def _manifest_complete(facts: Facts, _: Policy) -> Finding:
    return _recorded(facts.missing_fields)


def _evidence_complete(facts: Facts, _: Policy) -> Finding:
    return _recorded(facts.missing_evidence)


def _artifact_digests(facts: Facts, _: Policy) -> Finding:
    return require(
        facts.artifact_digests_match,
        "has the files that the manifest names",
        "has files that differ from the manifest, or lacks them",
    )


def _git_clean(facts: Facts, _: Policy) -> Finding:
    if facts.git_commit is None or facts.git_dirty is None:
        return failed(None, "clean", "the state of the git tree is unknown")
    if facts.git_dirty:
        return failed("dirty", "clean", f"the tree differed from commit {facts.git_commit}")
    return passed("clean", "clean", f"the tree was commit {facts.git_commit}")


def _backtest_costs(facts: Facts, policy: Policy) -> Finding:
    asked = policy.evaluation.cost_bps
    charged = facts.cost_bps
    if charged is not None and charged <= 0:
        return failed(charged, asked, "the backtest charged no costs")
    # Bps are sums of decimals, so that a last digit of difference is no difference.
    if charged is not None and math.isclose(charged, asked, rel_tol=1e-9):
        charged = asked
    return at_least("cost in bps", charged, asked)


def _evaluation(facts: Facts, _: Policy) -> Finding:
    differences = facts.evaluation_differences
    if differences is None:
        return failed(None, 0, "there is no backtest")
    if differences:
        told = "; ".join(differences)
        return failed(len(differences), 0, f"the backtest was made otherwise: {told}")
    return passed(0, 0, "the backtest was made as the policy asks")


def _training_data(facts: Facts, _: Policy) -> Finding:
    return require(
        facts.training_data_rebuilt,
        "was trained on the data that it is tested on",
        "was trained on other data than the backtest rebuilt",
    )


def _metric(key: str, metric: str, judge: Callable[..., Finding]) -> Callable[..., Finding]:
    def compare(facts: Facts, policy: Policy) -> Finding:
        return judge(metric, facts.metrics.get(metric), policy.number(key))

    return compare


def _artifact_sharpe(facts: Facts, policy: Policy) -> Finding:
    name = "sharpe of the artifact after its train end"
    return at_least(name, facts.artifact_sharpe, policy.number("min_sharpe"))


def _worst_fold(facts: Facts, policy: Policy) -> Finding:
    folds = facts.fold_sharpes or ()
    known = [sharpe for sharpe in folds if sharpe is not None and math.isfinite(sharpe)]
    worst = min(known) if known and len(known) == len(folds) else None
    return at_least("sharpe of the worst fold", worst, policy.number("min_worst_fold_sharpe"))


def _observations(facts: Facts, policy: Policy) -> Finding:
    asked = policy.number("min_evaluation_observations")
    return at_least("evaluation observations", facts.evaluation_observations, asked)


def _track_record(facts: Facts, policy: Policy) -> Finding:
    name = "track record in observations"
    if policy.text("min_track_record") != AUTO:
        asked = policy.number("min_track_record")
        return at_least(name, facts.evaluation_observations, asked)
    needed = facts.minimum_track_record
    if needed is None or not math.isfinite(needed):
        return failed(
            facts.evaluation_observations, None, "no track record is long enough, or none is known"
        )
    return at_least(name, facts.evaluation_observations, needed)


def _cost_stress(facts: Facts, policy: Policy) -> Finding:
    # The mean return stays positive at k times the costs as long as break-even lies above them.
    cost = policy.evaluation.cost_bps
    break_even = facts.metrics.get("break_even_cost_bps")
    multiple = break_even / cost if break_even is not None and cost > 0 else None
    asked = policy.number("cost_stress_multiplier")
    return at_least("break-even cost in multiples of the costs", multiple, asked)


def _dsr(facts: Facts, policy: Policy) -> Finding:
    counted = facts.n_trials is not None and facts.n_trials >= 1
    return at_least("dsr", facts.dsr if counted else None, policy.number("min_dsr"))


def _pbo(facts: Facts, policy: Policy) -> Finding:
    trials = facts.n_trials
    if policy.number("max_pbo") is not None and trials is not None and trials < MIN_TRIALS_FOR_PBO:
        return not_applicable(
            f"{trials} trials; the probability of overfitting needs {MIN_TRIALS_FOR_PBO}"
        )
    return at_most("pbo", facts.pbo, policy.number("max_pbo"))


def _trials(facts: Facts, policy: Policy) -> Finding:
    asked = policy.number("max_trials_without_review")
    return at_most("trials since a review", facts.trials_since_review, asked)


def _data_guards(facts: Facts, _: Policy) -> Finding:
    failures = facts.data_guard_failures
    if failures is None:
        return failed(None, 0, "the data guards have not run")
    if failures:
        return failed(len(failures), 0, "failed: " + ", ".join(failures))
    return passed(0, 0, "every data guard passed")


def _look_ahead(facts: Facts, policy: Policy) -> Finding:
    if not policy.require_lookahead_pass:
        return not_applicable("the policy does not ask for the look-ahead test")
    return require(
        facts.look_ahead_passed, "sees no future value", "uses values that lie in the future"
    )


def _validation_fresh(facts: Facts, policy: Policy) -> Finding:
    asked = policy.number("revalidate_every")
    age = facts.days_since_validation
    if asked is not None and age is not None and age < -CLOCK_TOLERANCE_DAYS:
        return failed(age, asked, "the validation lies in the future, so its age is not known")
    return at_most("days since validation", age, asked)


def _artifact_loads(facts: Facts, _: Policy) -> Finding:
    return require(facts.artifact_loads, "loads", "does not load")


def _parity(facts: Facts, _: Policy) -> Finding:
    tolerance = facts.parity_tolerance
    if tolerance is None or not math.isfinite(tolerance) or tolerance < 0:
        return failed(facts.parity_error, None, "no tolerance is known")
    return at_most("error on the golden rows", facts.parity_error, tolerance)


def _aligned(facts: Facts, _: Policy) -> Finding:
    finding = require(
        facts.aligned,
        "is bound to the features that are active and running",
        "is bound to other features than are active and running",
    )
    if facts.aligned is False and facts.alignment_differences:
        differences = "; ".join(facts.alignment_differences)
        return failed(False, True, f"{finding.reason}: {differences}")
    return finding


def _not_quarantined(facts: Facts, _: Policy) -> Finding:
    if facts.quarantined is None:
        return failed(None, False, "unknown whether it is quarantined")
    if facts.quarantined:
        return failed(True, False, "it is quarantined")
    return passed(False, False, "it is not quarantined")


def _drift(facts: Facts, policy: Policy) -> Finding:
    allowed = policy.text("max_drift_severity")
    found = facts.drift_severity
    if found not in SEVERITIES or allowed not in SEVERITIES:
        return failed(None, allowed, "drift has no verdict: too few rows, no profile, or no scan")
    reason = f"drift is {found}, at most {allowed} is allowed"
    if SEVERITIES.index(found) <= SEVERITIES.index(allowed):
        return passed(found, allowed, reason)
    return failed(found, allowed, reason)


def _approvals(facts: Facts, policy: Policy) -> Finding:
    asked = policy.required_approvals
    if facts.author is None or facts.trainer is None:
        return failed(None, asked, "unknown who drafted or trained it, so nobody is independent")
    independent = sorted(set(facts.approvers) - {facts.author, facts.trainer})
    told = ", ".join(independent) or "nobody"
    reason = f"approved by {told} besides author and trainer, {asked} needed"
    if len(independent) >= asked:
        return passed(len(independent), asked, reason)
    return failed(len(independent), asked, reason)


def _reason(facts: Facts, _: Policy) -> Finding:
    if facts.reason is None or not facts.reason.strip():
        return failed(None, True, "no reason is given")
    return passed(True, True, facts.reason)


_MORE_DATA = "evaluate on a longer period"
_RETHINK = "improve the model, or have the policy file changed"

POLICY_JUDGES = Gate(
    "policy_judges", EVERY_STEP, _policy_judges, "set min_sharpe or its like in the policy file"
)
ARTIFACT_DIGESTS = Gate(
    "artifact_digests", EVERY_STEP, _artifact_digests, "upload the files that were trained"
)
ARTIFACT_LOADS = Gate(
    "artifact_loads", DEPLOYMENT, _artifact_loads, "export the model again in a served format"
)
ALIGNED = Gate(
    "aligned", DEPLOYMENT, _aligned, "retrain on the active release, or activate the bound one"
)
NOT_QUARANTINED = Gate(
    "not_quarantined", DEPLOYMENT, _not_quarantined, "clear the cause, then lift the quarantine"
)
APPROVALS = Gate(
    "approvals", LIVE, _approvals, "ask somebody who neither drafted nor trained it to approve"
)

GATES: tuple[Gate, ...] = (
    POLICY_JUDGES,
    Gate("manifest_complete", EVERY_STEP, _manifest_complete, "record what is missing and retrain"),
    ARTIFACT_DIGESTS,
    Gate(
        "evidence_complete",
        EVIDENCE,
        _evidence_complete,
        "record what is missing and retrain",
        waivable=True,
    ),
    Gate("git_clean", EVIDENCE, _git_clean, "commit, then train from the commit", waivable=True),
    Gate("data_guards", EVIDENCE, _data_guards, "repair or adjust the data", waivable=True),
    Gate("look_ahead", EVIDENCE, _look_ahead, "let features use past values only", waivable=True),
    Gate(
        "training_data",
        EVIDENCE,
        _training_data,
        "backtest on the market data of the manifest, or on the same with more days",
    ),
    Gate("evaluation", EVIDENCE, _evaluation, "backtest again: the policy has changed since"),
    Gate("backtest_costs", EVIDENCE, _backtest_costs, "backtest with the policy's costs"),
    *(
        Gate(key, EVIDENCE, _metric(key, metric, judge), _RETHINK, waivable=True)
        for key, metric, judge in (
            ("min_sharpe", "sharpe", at_least),
            ("min_sortino", "sortino", at_least),
            ("min_calmar", "calmar", at_least),
            ("max_drawdown", "max_drawdown", at_most),
            ("max_cvar", "cvar", at_most),
            ("min_hit_rate", "hit_rate", at_least),
            ("max_turnover", "turnover", at_most),
            ("min_trades", "n_trades", at_least),
        )
    ),
    Gate("artifact_sharpe", EVIDENCE, _artifact_sharpe, _RETHINK, waivable=True),
    Gate("min_worst_fold_sharpe", EVIDENCE, _worst_fold, _RETHINK, waivable=True),
    Gate("cost_stress_multiplier", EVIDENCE, _cost_stress, "trade less often", waivable=True),
    Gate("min_evaluation_observations", EVIDENCE, _observations, _MORE_DATA, waivable=True),
    Gate("min_track_record", EVIDENCE, _track_record, _MORE_DATA, waivable=True),
    Gate("min_psr", EVIDENCE, _metric("min_psr", "psr", at_least), _MORE_DATA, waivable=True),
    Gate(
        "min_dsr",
        EVIDENCE,
        _dsr,
        "the best of so many trials looks like this by luck; try fewer ideas",
        waivable=True,
    ),
    Gate("max_pbo", EVIDENCE, _pbo, "try fewer, better founded variants", waivable=True),
    Gate(
        "max_trials_without_review",
        EVIDENCE,
        _trials,
        "have the search reviewed and the policy file changed",
        waivable=True,
    ),
    Gate(
        "validation_fresh",
        DEPLOYMENT,
        _validation_fresh,
        "backtest it again if it is in STAGING, else train a new version",
        waivable=True,
    ),
    ARTIFACT_LOADS,
    Gate("parity", DEPLOYMENT, _parity, "export the model again; its answers must be the same"),
    ALIGNED,
    NOT_QUARANTINED,
    Gate("drift", LIVE, _drift, "retrain on recent data", waivable=True),
    APPROVALS,
    Gate("reason", frozenset({Stage.RETIRED}), _reason, "say why the version is withdrawn"),
)

# A rollback may not wait for evidence; what makes the target safe to load is checked again.
ROLLBACK_GATES: tuple[Gate, ...] = (
    ARTIFACT_DIGESTS,
    ARTIFACT_LOADS,
    ALIGNED,
    NOT_QUARANTINED,
    APPROVALS,
)


def gates_for(target: Stage) -> tuple[Gate, ...]:
    """Return the gates before ``target``, in the order of the verdict.

    Examples
    --------
    >>> [gate.name for gate in gates_for(Stage.TRAINED)]
    ['policy_judges', 'manifest_complete', 'artifact_digests']
    """
    return tuple(gate for gate in GATES if target in gate.targets)
