-- A populated PostgreSQL database of schema 0003, the first: written by the store as it was at
-- commit a98ec8b (populate.py beside this file says how), dumped by pg_dump 15 with
-- --inserts --no-owner --no-privileges; its comments and its settings are left out.
CREATE TABLE public.activations (
    epoch integer NOT NULL,
    release_digest character varying(64) NOT NULL,
    at timestamp with time zone NOT NULL,
    actor character varying(64) NOT NULL,
    reason text NOT NULL
);
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.approvals (
    id integer NOT NULL,
    version_id integer NOT NULL,
    approver character varying(64) NOT NULL,
    target character varying(16) NOT NULL,
    content_digest character varying(64) NOT NULL,
    policy_digest character varying(64) NOT NULL,
    at timestamp with time zone NOT NULL
);
CREATE SEQUENCE public.approvals_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.approvals_id_seq OWNED BY public.approvals.id;
CREATE TABLE public.backtests (
    id integer NOT NULL,
    version_id integer NOT NULL,
    result_digest character varying(64) NOT NULL,
    trial_digest character varying(64) NOT NULL,
    artifact_digest character varying(64) NOT NULL,
    dataset_hash character varying(64) NOT NULL,
    evidence_digest character varying(64) NOT NULL,
    metrics text NOT NULL,
    actor character varying(64) NOT NULL,
    at timestamp with time zone NOT NULL
);
CREATE SEQUENCE public.backtests_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.backtests_id_seq OWNED BY public.backtests.id;
CREATE TABLE public.datasets (
    id integer NOT NULL,
    dataset_hash character varying(64) NOT NULL,
    name character varying(128) NOT NULL,
    file_sha256 character varying(64) NOT NULL,
    rows integer NOT NULL,
    symbols text NOT NULL,
    first character varying(32) NOT NULL,
    last character varying(32) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by character varying(64) NOT NULL
);
CREATE SEQUENCE public.datasets_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.datasets_id_seq OWNED BY public.datasets.id;
CREATE TABLE public.documents (
    digest character varying(64) NOT NULL,
    kind character varying(32) NOT NULL,
    body bytea NOT NULL,
    created_at timestamp with time zone NOT NULL
);
CREATE TABLE public.events (
    sequence integer NOT NULL,
    model_id integer NOT NULL,
    version integer,
    kind character varying(64) NOT NULL,
    actor character varying(64) NOT NULL,
    at timestamp with time zone NOT NULL,
    reason text NOT NULL,
    body text NOT NULL
);
CREATE SEQUENCE public.events_sequence_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.events_sequence_seq OWNED BY public.events.sequence;
CREATE TABLE public.idempotency (
    actor character varying(64) NOT NULL,
    key character varying(128) NOT NULL,
    route character varying(256) NOT NULL,
    request_digest character varying(64) NOT NULL,
    status integer,
    body bytea,
    claimed_at timestamp with time zone NOT NULL
);
CREATE TABLE public.jobs (
    id character varying(32) NOT NULL,
    kind character varying(32) NOT NULL,
    version_id integer NOT NULL,
    actor character varying(64) NOT NULL,
    roles text NOT NULL,
    strategies text,
    request text NOT NULL,
    state character varying(16) NOT NULL,
    attempt integer NOT NULL,
    created_at timestamp with time zone NOT NULL,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    lease_until timestamp with time zone,
    result_digest character varying(64),
    problem text,
    CONSTRAINT ck_jobs_ck_jobs_state CHECK (((state)::text = ANY ((ARRAY['QUEUED'::character varying, 'RUNNING'::character varying, 'DONE'::character varying, 'FAILED'::character varying])::text[])))
);
CREATE TABLE public.model_drift_reports (
    id integer NOT NULL,
    version_id integer NOT NULL,
    slot timestamp with time zone NOT NULL,
    status character varying(16) NOT NULL,
    severity character varying(16),
    digest character varying(64) NOT NULL,
    report text NOT NULL,
    created_at timestamp with time zone NOT NULL
);
CREATE SEQUENCE public.model_drift_reports_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.model_drift_reports_id_seq OWNED BY public.model_drift_reports.id;
CREATE TABLE public.model_versions (
    id integer NOT NULL,
    model_id integer NOT NULL,
    version integer NOT NULL,
    stage character varying(16) NOT NULL,
    author character varying(64) NOT NULL,
    trainer character varying(64),
    manifest_digest character varying(64),
    artifact_digest character varying(64),
    content_digest character varying(64),
    quarantine_reason text,
    created_at timestamp with time zone NOT NULL,
    stage_since timestamp with time zone NOT NULL,
    left_production_at timestamp with time zone,
    CONSTRAINT ck_model_versions_ck_model_versions_stage CHECK (((stage)::text = ANY ((ARRAY['DRAFT'::character varying, 'TRAINED'::character varying, 'VALIDATED'::character varying, 'STAGING'::character varying, 'PRODUCTION'::character varying, 'RETIRED'::character varying])::text[])))
);
CREATE SEQUENCE public.model_versions_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.model_versions_id_seq OWNED BY public.model_versions.id;
CREATE TABLE public.models (
    id integer NOT NULL,
    name character varying(128) NOT NULL COLLATE pg_catalog."C",
    strategy character varying(128) NOT NULL,
    owner character varying(128) NOT NULL,
    tier character varying(64) NOT NULL,
    revision integer NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by character varying(64) NOT NULL
);
CREATE SEQUENCE public.models_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.models_id_seq OWNED BY public.models.id;
CREATE TABLE public.tokens (
    token_id character varying(32) NOT NULL,
    actor character varying(64) NOT NULL,
    roles text NOT NULL,
    strategies text,
    mac character varying(64) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by character varying(64) NOT NULL,
    revoked_at timestamp with time zone
);
CREATE TABLE public.trial_ledger (
    "position" integer NOT NULL,
    strategy character varying(128) NOT NULL,
    version_id integer NOT NULL,
    artifact_digest character varying(64) NOT NULL,
    trial_digest character varying(64),
    sharpe double precision,
    n_observations integer,
    recorded_at timestamp with time zone NOT NULL
);
CREATE SEQUENCE public.trial_ledger_position_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.trial_ledger_position_seq OWNED BY public.trial_ledger."position";
CREATE TABLE public.version_tags (
    version_id integer NOT NULL,
    key character varying(128) NOT NULL,
    value character varying(512) NOT NULL
);
ALTER TABLE ONLY public.approvals ALTER COLUMN id SET DEFAULT nextval('public.approvals_id_seq'::regclass);
ALTER TABLE ONLY public.backtests ALTER COLUMN id SET DEFAULT nextval('public.backtests_id_seq'::regclass);
ALTER TABLE ONLY public.datasets ALTER COLUMN id SET DEFAULT nextval('public.datasets_id_seq'::regclass);
ALTER TABLE ONLY public.events ALTER COLUMN sequence SET DEFAULT nextval('public.events_sequence_seq'::regclass);
ALTER TABLE ONLY public.model_drift_reports ALTER COLUMN id SET DEFAULT nextval('public.model_drift_reports_id_seq'::regclass);
ALTER TABLE ONLY public.model_versions ALTER COLUMN id SET DEFAULT nextval('public.model_versions_id_seq'::regclass);
ALTER TABLE ONLY public.models ALTER COLUMN id SET DEFAULT nextval('public.models_id_seq'::regclass);
ALTER TABLE ONLY public.trial_ledger ALTER COLUMN "position" SET DEFAULT nextval('public.trial_ledger_position_seq'::regclass);
INSERT INTO public.activations VALUES (1, 'a4d451ec23463726f72c43d64c710968f6b602cd653b4de8adee1b556240a829', '2026-01-06 12:00:00+00', 'olga', 'why');
INSERT INTO public.alembic_version VALUES ('0003');
INSERT INTO public.approvals VALUES (1, 1, 'vera', 'PRODUCTION', 'd1988cd3019824f075f61677e1a6f54b16035868488e4051757dde53adeef80f', '823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812', '2026-01-05 12:04:00+00');
INSERT INTO public.approvals VALUES (2, 2, 'vera', 'PRODUCTION', '9597d898814f165b7ed6118722c24271fec8c1254d46e437ad6ab24050763e2d', '823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812', '2026-01-05 12:11:00+00');
INSERT INTO public.approvals VALUES (3, 4, 'vera', 'PRODUCTION', 'd1988cd3019824f075f61677e1a6f54b16035868488e4051757dde53adeef80f', '823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812', '2026-01-05 12:04:00+00');
INSERT INTO public.backtests VALUES (1, 1, 'd18297ce33b678be23d47cd2300bf3972172a1c2cdbe35b5c264d2c780da7772', '7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed', 'c7c5c1d70c5dec4416ab6158afd0b223ef40c29b1dc1f97ed9428b94d4cadb1c', '3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7', 'ee8250fb76e094b34b471f13a73dbbe51d1ae142e9df59d7c0d31ec20f0a0a8e', '{"by_year": {"2025": [1e-300, null]}, "note": "\u00e9", "sharpe": 0.30000000000000004, "trades": 12}', 'vera', '2026-01-05 12:00:00+00');
INSERT INTO public.backtests VALUES (2, 2, '2ca275dd4faac87d6ed3c45a9f9174b69e02133e590ddf0c405fe83a68f3121c', '3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3', 'c7c5c1d70c5dec4416ab6158afd0b223ef40c29b1dc1f97ed9428b94d4cadb1c', '3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7', 'ee8250fb76e094b34b471f13a73dbbe51d1ae142e9df59d7c0d31ec20f0a0a8e', '{"by_year": {"2025": [1e-300, null]}, "note": "\u00e9", "sharpe": 0.30000000000000004, "trades": 12}', 'vera', '2026-01-05 12:00:00+00');
INSERT INTO public.datasets VALUES (1, '8556ab2559634a19bd1d144dc844a0da5a0716a0d671e3b4bb2e36c23a2fe8a8', 'bars', 'c2f2fa21318afae12ad2f64baab902e3ed26203b7ca9b7c82477175bd0532689', 2147483647, '["SPY", "\u00dcn\u00ef"]', '2020-01-02', '2025-12-31', '2026-01-05 12:00:00+00', 'ana');
INSERT INTO public.documents VALUES ('f89f2c93435f42ab69280483e49d7244ea4de920c6f6144061c057ab4e176eef', 'manifest', '\x7b226d6f64656c223a226d227d0a', '2026-01-05 12:01:00+00');
INSERT INTO public.documents VALUES ('ee8250fb76e094b34b471f13a73dbbe51d1ae142e9df59d7c0d31ec20f0a0a8e', 'evidence', '\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff', '2026-01-05 12:00:00+00');
INSERT INTO public.documents VALUES ('a4d451ec23463726f72c43d64c710968f6b602cd653b4de8adee1b556240a829', 'release', '\x7b7d', '2026-01-05 12:00:00+00');
INSERT INTO public.documents VALUES ('f6a214f7a5fcda0c2cee9660b7fc29f5649e3c68aad48e20e950137c98913a68', 'job-result', '\x7b22736861727065223a317d', '2026-01-05 13:00:00+00');
INSERT INTO public.events VALUES (1, 1, NULL, 'ModelRegistered', 'ana', '2026-01-05 12:01:00+00', '', '{"owner": "desk", "strategy": "trend", "tier": "high"}');
INSERT INTO public.events VALUES (2, 1, 1, 'VersionDrafted', 'ana', '2026-01-05 12:02:00+00', '', '{"version": 1}');
INSERT INTO public.events VALUES (3, 1, 1, 'ManifestRecorded', 'tom', '2026-01-05 12:03:00+00', '', '{"artifact_digest": "f704638b5ae224c9b2460440bbd785a1691f2572d829a7476b291a965a08320a", "content_digest": "d1988cd3019824f075f61677e1a6f54b16035868488e4051757dde53adeef80f", "manifest_digest": "f89f2c93435f42ab69280483e49d7244ea4de920c6f6144061c057ab4e176eef", "version": 1}');
INSERT INTO public.events VALUES (4, 1, 1, 'ApprovalGranted', 'vera', '2026-01-05 12:04:00+00', '', '{"content_digest": "d1988cd3019824f075f61677e1a6f54b16035868488e4051757dde53adeef80f", "policy_digest": "823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812", "target": "PRODUCTION", "version": 1}');
INSERT INTO public.events VALUES (5, 1, 1, 'VersionPromoted', 'olga', '2026-01-05 12:05:00+00', '', '{"approvers": [], "policy_digest": "823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812", "source": "DRAFT", "target": "TRAINED", "verdict_digest": "11e221bd1b7fc99544f3f765b0c39dd2786e636c3422d6bec026d1ed03884cac", "version": 1}');
INSERT INTO public.events VALUES (6, 1, 1, 'VersionPromoted', 'olga', '2026-01-05 12:06:00+00', '', '{"approvers": [], "policy_digest": "823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812", "source": "TRAINED", "target": "VALIDATED", "verdict_digest": "11e221bd1b7fc99544f3f765b0c39dd2786e636c3422d6bec026d1ed03884cac", "version": 1}');
INSERT INTO public.events VALUES (7, 1, 1, 'VersionPromoted', 'olga', '2026-01-05 12:07:00+00', '', '{"approvers": [], "policy_digest": "823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812", "source": "VALIDATED", "target": "STAGING", "verdict_digest": "11e221bd1b7fc99544f3f765b0c39dd2786e636c3422d6bec026d1ed03884cac", "version": 1}');
INSERT INTO public.events VALUES (8, 1, 1, 'VersionPromoted', 'olga', '2026-01-05 12:08:00+00', '', '{"approvers": ["vera"], "policy_digest": "823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812", "source": "STAGING", "target": "PRODUCTION", "verdict_digest": "11e221bd1b7fc99544f3f765b0c39dd2786e636c3422d6bec026d1ed03884cac", "version": 1}');
INSERT INTO public.events VALUES (9, 1, 2, 'VersionDrafted', 'ana', '2026-01-05 12:09:00+00', '', '{"version": 2}');
INSERT INTO public.events VALUES (10, 1, 2, 'ManifestRecorded', 'tom', '2026-01-05 12:10:00+00', '', '{"artifact_digest": "0984b8a8a5d5cffea9bf00c894d3be1cdab7fbe2e01fc3744c918759ad19355e", "content_digest": "9597d898814f165b7ed6118722c24271fec8c1254d46e437ad6ab24050763e2d", "manifest_digest": "bedbe217a47cf0b6f225dd3e539a0a1115cff37fd2a84355b41d4db8f0962fdb", "version": 2}');
INSERT INTO public.events VALUES (11, 1, 2, 'ApprovalGranted', 'vera', '2026-01-05 12:11:00+00', '', '{"content_digest": "9597d898814f165b7ed6118722c24271fec8c1254d46e437ad6ab24050763e2d", "policy_digest": "823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812", "target": "PRODUCTION", "version": 2}');
INSERT INTO public.events VALUES (12, 1, 2, 'VersionPromoted', 'olga', '2026-01-05 12:12:00+00', '', '{"approvers": [], "policy_digest": "823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812", "source": "DRAFT", "target": "TRAINED", "verdict_digest": "11e221bd1b7fc99544f3f765b0c39dd2786e636c3422d6bec026d1ed03884cac", "version": 2}');
INSERT INTO public.events VALUES (13, 1, 2, 'VersionPromoted', 'olga', '2026-01-05 12:13:00+00', '', '{"approvers": [], "policy_digest": "823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812", "source": "TRAINED", "target": "VALIDATED", "verdict_digest": "11e221bd1b7fc99544f3f765b0c39dd2786e636c3422d6bec026d1ed03884cac", "version": 2}');
INSERT INTO public.events VALUES (14, 1, 2, 'VersionPromoted', 'olga', '2026-01-05 12:14:00+00', '', '{"approvers": [], "policy_digest": "823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812", "source": "VALIDATED", "target": "STAGING", "verdict_digest": "11e221bd1b7fc99544f3f765b0c39dd2786e636c3422d6bec026d1ed03884cac", "version": 2}');
INSERT INTO public.events VALUES (15, 1, 3, 'VersionDrafted', 'ana', '2026-01-05 12:15:00+00', '', '{"version": 3}');
INSERT INTO public.events VALUES (16, 1, 1, 'VersionSuperseded', 'olga', '2026-01-05 12:16:00+00', 'better', '{"successor": 2, "version": 1}');
INSERT INTO public.events VALUES (17, 1, 2, 'VersionPromoted', 'olga', '2026-01-05 12:16:00+00', 'better', '{"approvers": ["vera"], "policy_digest": "823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812", "source": "STAGING", "target": "PRODUCTION", "verdict_digest": "11e221bd1b7fc99544f3f765b0c39dd2786e636c3422d6bec026d1ed03884cac", "version": 2}');
INSERT INTO public.events VALUES (18, 1, 2, 'VersionTagged', 'ana', '2026-01-05 12:17:00+00', '', '{"key": "desk", "value": "rates", "version": 2}');
INSERT INTO public.events VALUES (19, 1, 2, 'VersionTagged', 'ana', '2026-01-05 12:18:00+00', '', '{"key": "desk", "value": "credit", "version": 2}');
INSERT INTO public.events VALUES (20, 1, 2, 'VersionQuarantined', 'olga', '2026-01-05 12:19:00+00', 'wild orders', '{"version": 2}');
INSERT INTO public.events VALUES (21, 1, 2, 'QuarantineLifted', 'olga', '2026-01-05 12:20:00+00', 'limits set; ''quoted'' ü', '{"version": 2}');
INSERT INTO public.events VALUES (22, 1, 3, 'VersionRetired', 'olga', '2026-01-05 12:21:00+00', 'withdrawn', '{"source": "DRAFT", "version": 3}');
INSERT INTO public.events VALUES (23, 2, NULL, 'ModelRegistered', 'ana', '2026-01-05 12:01:00+00', '', '{"owner": "desk", "strategy": "carry", "tier": "high"}');
INSERT INTO public.events VALUES (24, 2, 1, 'VersionDrafted', 'ana', '2026-01-05 12:02:00+00', '', '{"version": 1}');
INSERT INTO public.events VALUES (25, 2, 1, 'ManifestRecorded', 'tom', '2026-01-05 12:03:00+00', '', '{"artifact_digest": "f704638b5ae224c9b2460440bbd785a1691f2572d829a7476b291a965a08320a", "content_digest": "d1988cd3019824f075f61677e1a6f54b16035868488e4051757dde53adeef80f", "manifest_digest": "f89f2c93435f42ab69280483e49d7244ea4de920c6f6144061c057ab4e176eef", "version": 1}');
INSERT INTO public.events VALUES (26, 2, 1, 'ApprovalGranted', 'vera', '2026-01-05 12:04:00+00', '', '{"content_digest": "d1988cd3019824f075f61677e1a6f54b16035868488e4051757dde53adeef80f", "policy_digest": "823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812", "target": "PRODUCTION", "version": 1}');
INSERT INTO public.events VALUES (27, 2, 1, 'VersionPromoted', 'olga', '2026-01-05 12:05:00+00', '', '{"approvers": [], "policy_digest": "823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812", "source": "DRAFT", "target": "TRAINED", "verdict_digest": "11e221bd1b7fc99544f3f765b0c39dd2786e636c3422d6bec026d1ed03884cac", "version": 1}');
INSERT INTO public.idempotency VALUES ('ana', 'k1', 'POST /promote', '230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b98e68fe31acb5', 201, '\x007265706c79ff', '2026-01-05 12:00:00+00');
INSERT INTO public.jobs VALUES ('00000000000000000000000000000003', 'backtest', 1, 'ana', '["researcher", "viewer"]', '["carry", "trend"]', '{"costs": {"slippage_bps": 2.5}, "dataset_hash": null}', 'QUEUED', 0, '2026-01-05 12:00:03+00', NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.jobs VALUES ('00000000000000000000000000000001', 'backtest', 1, 'ana', '["researcher", "viewer"]', '["carry", "trend"]', '{"costs": {"slippage_bps": 2.5}, "dataset_hash": null}', 'DONE', 1, '2026-01-05 12:00:01+00', '2026-01-05 13:00:00+00', '2026-01-05 13:00:00+00', NULL, 'f6a214f7a5fcda0c2cee9660b7fc29f5649e3c68aad48e20e950137c98913a68', NULL);
INSERT INTO public.jobs VALUES ('00000000000000000000000000000002', 'backtest', 1, 'ana', '["researcher", "viewer"]', '["carry", "trend"]', '{"costs": {"slippage_bps": 2.5}, "dataset_hash": null}', 'FAILED', 1, '2026-01-05 12:00:02+00', '2026-01-05 13:00:00+00', '2026-01-05 13:00:00+00', NULL, NULL, '{"code": "dataset_invalid", "details": {"rows": [1, null]}, "message": "not bars"}');
INSERT INTO public.model_drift_reports VALUES (1, 2, '2026-01-05 12:00:00+00', 'OK', 'NORMAL', '1c9338eb9c4746e1c7c03aa4af28451b10f2187952635c0988479d940a05be55', '{"features": {"x": {"ks": null, "psi": 0.30000000000000004}}, "rows": 20}', '2026-01-05 12:00:07+00');
INSERT INTO public.model_drift_reports VALUES (2, 2, '2026-01-05 13:00:00+00', 'INSUFFICIENT', NULL, 'e57acc10f53c55bd65c8462f1402834edd30e4f41203988a0cac5aff6122a614', '{"features": {"x": {"ks": null, "psi": 0.30000000000000004}}, "rows": 20}', '2026-01-05 13:00:07+00');
INSERT INTO public.model_versions VALUES (1, 1, 1, 'STAGING', 'ana', 'tom', 'f89f2c93435f42ab69280483e49d7244ea4de920c6f6144061c057ab4e176eef', 'f704638b5ae224c9b2460440bbd785a1691f2572d829a7476b291a965a08320a', 'd1988cd3019824f075f61677e1a6f54b16035868488e4051757dde53adeef80f', NULL, '2026-01-05 12:02:00+00', '2026-01-05 12:16:00+00', '2026-01-05 12:16:00+00');
INSERT INTO public.model_versions VALUES (2, 1, 2, 'PRODUCTION', 'ana', 'tom', 'bedbe217a47cf0b6f225dd3e539a0a1115cff37fd2a84355b41d4db8f0962fdb', '0984b8a8a5d5cffea9bf00c894d3be1cdab7fbe2e01fc3744c918759ad19355e', '9597d898814f165b7ed6118722c24271fec8c1254d46e437ad6ab24050763e2d', NULL, '2026-01-05 12:09:00+00', '2026-01-05 12:16:00+00', NULL);
INSERT INTO public.model_versions VALUES (3, 1, 3, 'RETIRED', 'ana', NULL, NULL, NULL, NULL, NULL, '2026-01-05 12:15:00+00', '2026-01-05 12:21:00+00', NULL);
INSERT INTO public.model_versions VALUES (4, 2, 1, 'TRAINED', 'ana', 'tom', 'f89f2c93435f42ab69280483e49d7244ea4de920c6f6144061c057ab4e176eef', 'f704638b5ae224c9b2460440bbd785a1691f2572d829a7476b291a965a08320a', 'd1988cd3019824f075f61677e1a6f54b16035868488e4051757dde53adeef80f', NULL, '2026-01-05 12:02:00+00', '2026-01-05 12:05:00+00', NULL);
INSERT INTO public.models VALUES (1, 'm', 'trend', 'desk', 'high', 22, '2026-01-05 12:01:00+00', 'ana');
INSERT INTO public.models VALUES (2, 'idle', 'carry', 'desk', 'high', 5, '2026-01-05 12:01:00+00', 'ana');
INSERT INTO public.tokens VALUES ('t-ana', 'ana', '["researcher", "viewer"]', NULL, '24d4b96f58da6d4a8512313bbd02a28ebf0ca95dec6e4c86ef78ce7f01e788ac', '2026-01-05 12:00:00+00', 'root', NULL);
INSERT INTO public.tokens VALUES ('t-root', 'root', '["admin"]', NULL, '4813494d137e1631bba301d5acab6e7bb7aa74ce1185d456565ef51d737677b2', '2026-01-05 12:00:00+00', 'root', NULL);
INSERT INTO public.tokens VALUES ('t-tom', 'tom', '[]', '["carry", "trend"]', 'e1608f75c5d7813f3d4031cb30bfb786507d98137538ff8e128a6ff74e84e643', '2026-01-04 12:00:00+00', 'root', '2026-01-05 13:00:00+00');
INSERT INTO public.trial_ledger VALUES (1, 'trend', 1, 'c7c5c1d70c5dec4416ab6158afd0b223ef40c29b1dc1f97ed9428b94d4cadb1c', NULL, NULL, NULL, '2026-01-05 12:00:00+00');
INSERT INTO public.trial_ledger VALUES (2, 'trend', 1, 'c7c5c1d70c5dec4416ab6158afd0b223ef40c29b1dc1f97ed9428b94d4cadb1c', '7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed', 0.125, 2147483647, '2026-01-05 12:00:00+00');
INSERT INTO public.trial_ledger VALUES (3, 'trend', 2, 'c7c5c1d70c5dec4416ab6158afd0b223ef40c29b1dc1f97ed9428b94d4cadb1c', '3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3', 0.125, 2147483647, '2026-01-05 12:00:00+00');
INSERT INTO public.version_tags VALUES (2, 'desk', 'credit');
SELECT pg_catalog.setval('public.approvals_id_seq', 3, true);
SELECT pg_catalog.setval('public.backtests_id_seq', 2, true);
SELECT pg_catalog.setval('public.datasets_id_seq', 1, true);
SELECT pg_catalog.setval('public.events_sequence_seq', 27, true);
SELECT pg_catalog.setval('public.model_drift_reports_id_seq', 2, true);
SELECT pg_catalog.setval('public.model_versions_id_seq', 4, true);
SELECT pg_catalog.setval('public.models_id_seq', 2, true);
SELECT pg_catalog.setval('public.trial_ledger_position_seq', 3, true);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.activations
    ADD CONSTRAINT pk_activations PRIMARY KEY (epoch);
ALTER TABLE ONLY public.approvals
    ADD CONSTRAINT pk_approvals PRIMARY KEY (id);
ALTER TABLE ONLY public.backtests
    ADD CONSTRAINT pk_backtests PRIMARY KEY (id);
ALTER TABLE ONLY public.datasets
    ADD CONSTRAINT pk_datasets PRIMARY KEY (id);
ALTER TABLE ONLY public.documents
    ADD CONSTRAINT pk_documents PRIMARY KEY (digest);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT pk_events PRIMARY KEY (sequence);
ALTER TABLE ONLY public.idempotency
    ADD CONSTRAINT pk_idempotency PRIMARY KEY (actor, key);
ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT pk_jobs PRIMARY KEY (id);
ALTER TABLE ONLY public.model_drift_reports
    ADD CONSTRAINT pk_model_drift_reports PRIMARY KEY (id);
ALTER TABLE ONLY public.model_versions
    ADD CONSTRAINT pk_model_versions PRIMARY KEY (id);
ALTER TABLE ONLY public.models
    ADD CONSTRAINT pk_models PRIMARY KEY (id);
ALTER TABLE ONLY public.tokens
    ADD CONSTRAINT pk_tokens PRIMARY KEY (token_id);
ALTER TABLE ONLY public.trial_ledger
    ADD CONSTRAINT pk_trial_ledger PRIMARY KEY ("position");
ALTER TABLE ONLY public.version_tags
    ADD CONSTRAINT pk_version_tags PRIMARY KEY (version_id, key);
ALTER TABLE ONLY public.datasets
    ADD CONSTRAINT uq_datasets_dataset_hash UNIQUE (dataset_hash);
ALTER TABLE ONLY public.model_drift_reports
    ADD CONSTRAINT uq_model_drift_reports_version_id_slot UNIQUE (version_id, slot);
ALTER TABLE ONLY public.model_versions
    ADD CONSTRAINT uq_model_versions_model_id_version UNIQUE (model_id, version);
ALTER TABLE ONLY public.models
    ADD CONSTRAINT uq_models_name UNIQUE (name);
ALTER TABLE ONLY public.tokens
    ADD CONSTRAINT uq_tokens_mac UNIQUE (mac);
ALTER TABLE ONLY public.trial_ledger
    ADD CONSTRAINT uq_trial_ledger_strategy_trial_digest UNIQUE (strategy, trial_digest);
CREATE INDEX ix_approvals_version_id ON public.approvals USING btree (version_id);
CREATE INDEX ix_backtests_version_id ON public.backtests USING btree (version_id);
CREATE INDEX ix_events_model_id_sequence ON public.events USING btree (model_id, sequence);
CREATE INDEX ix_jobs_state_created_at ON public.jobs USING btree (state, created_at);
CREATE INDEX ix_model_versions_stage ON public.model_versions USING btree (stage);
CREATE INDEX ix_trial_ledger_strategy ON public.trial_ledger USING btree (strategy);
CREATE INDEX ix_version_tags_key_value_version_id ON public.version_tags USING btree (key, value, version_id);
CREATE UNIQUE INDEX uq_model_versions_one_production ON public.model_versions USING btree (model_id) WHERE ((stage)::text = 'PRODUCTION'::text);
ALTER TABLE ONLY public.activations
    ADD CONSTRAINT fk_activations_release_digest_documents FOREIGN KEY (release_digest) REFERENCES public.documents(digest);
ALTER TABLE ONLY public.approvals
    ADD CONSTRAINT fk_approvals_version_id_model_versions FOREIGN KEY (version_id) REFERENCES public.model_versions(id);
ALTER TABLE ONLY public.backtests
    ADD CONSTRAINT fk_backtests_evidence_digest_documents FOREIGN KEY (evidence_digest) REFERENCES public.documents(digest);
ALTER TABLE ONLY public.backtests
    ADD CONSTRAINT fk_backtests_version_id_model_versions FOREIGN KEY (version_id) REFERENCES public.model_versions(id);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT fk_events_model_id_models FOREIGN KEY (model_id) REFERENCES public.models(id);
ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT fk_jobs_result_digest_documents FOREIGN KEY (result_digest) REFERENCES public.documents(digest);
ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT fk_jobs_version_id_model_versions FOREIGN KEY (version_id) REFERENCES public.model_versions(id);
ALTER TABLE ONLY public.model_drift_reports
    ADD CONSTRAINT fk_model_drift_reports_version_id_model_versions FOREIGN KEY (version_id) REFERENCES public.model_versions(id);
ALTER TABLE ONLY public.model_versions
    ADD CONSTRAINT fk_model_versions_model_id_models FOREIGN KEY (model_id) REFERENCES public.models(id);
ALTER TABLE ONLY public.trial_ledger
    ADD CONSTRAINT fk_trial_ledger_version_id_model_versions FOREIGN KEY (version_id) REFERENCES public.model_versions(id);
ALTER TABLE ONLY public.version_tags
    ADD CONSTRAINT fk_version_tags_version_id_model_versions FOREIGN KEY (version_id) REFERENCES public.model_versions(id);
