"""The suites over every store of this product, and over the naive one."""

from __future__ import annotations

from contract.suites.access import AccessContract
from contract.suites.evidence import EvidenceContract
from contract.suites.jobs import JobsContract
from contract.suites.models import ModelsContract
from contract.suites.outbox import OutboxContract
from contract.suites.unit_of_work import UnitContract


class TestModels(ModelsContract):
    """Models, versions and events."""


class TestEvidence(EvidenceContract):
    """Documents, trials, backtests, datasets, activations and drift reports."""


class TestAccess(AccessContract):
    """Tokens and idempotency keys."""


class TestJobs(JobsContract):
    """Jobs."""


class TestOutbox(OutboxContract):
    """Messages."""


class TestUnits(UnitContract):
    """Units and views."""
