-- A populated SQLite database of schema 0003, the first: written by the store as it was at commit
-- a98ec8b (populate.py beside this file says how), dumped by Python's sqlite3.
BEGIN TRANSACTION;
CREATE TABLE activations (
	epoch INTEGER NOT NULL,
	release_digest VARCHAR(64) NOT NULL,
	at DATETIME NOT NULL,
	actor VARCHAR(64) NOT NULL,
	reason TEXT NOT NULL,
	CONSTRAINT pk_activations PRIMARY KEY (epoch),
	CONSTRAINT fk_activations_release_digest_documents FOREIGN KEY(release_digest) REFERENCES documents (digest)
);
INSERT INTO "activations" VALUES(1,'a4d451ec23463726f72c43d64c710968f6b602cd653b4de8adee1b556240a829','2026-01-06 12:00:00.000000','olga','why');
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0003');
CREATE TABLE approvals (
	id INTEGER NOT NULL,
	version_id INTEGER NOT NULL,
	approver VARCHAR(64) NOT NULL,
	target VARCHAR(16) NOT NULL,
	content_digest VARCHAR(64) NOT NULL,
	policy_digest VARCHAR(64) NOT NULL,
	at DATETIME NOT NULL,
	CONSTRAINT pk_approvals PRIMARY KEY (id),
	CONSTRAINT fk_approvals_version_id_model_versions FOREIGN KEY(version_id) REFERENCES model_versions (id)
);
INSERT INTO "approvals" VALUES(1,1,'vera','PRODUCTION','d1988cd3019824f075f61677e1a6f54b16035868488e4051757dde53adeef80f','823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812','2026-01-05 12:04:00.000000');
INSERT INTO "approvals" VALUES(2,2,'vera','PRODUCTION','9597d898814f165b7ed6118722c24271fec8c1254d46e437ad6ab24050763e2d','823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812','2026-01-05 12:11:00.000000');
INSERT INTO "approvals" VALUES(3,4,'vera','PRODUCTION','d1988cd3019824f075f61677e1a6f54b16035868488e4051757dde53adeef80f','823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812','2026-01-05 12:04:00.000000');
CREATE TABLE backtests (
	id INTEGER NOT NULL,
	version_id INTEGER NOT NULL,
	result_digest VARCHAR(64) NOT NULL,
	trial_digest VARCHAR(64) NOT NULL,
	artifact_digest VARCHAR(64) NOT NULL,
	dataset_hash VARCHAR(64) NOT NULL,
	evidence_digest VARCHAR(64) NOT NULL,
	metrics TEXT NOT NULL,
	actor VARCHAR(64) NOT NULL,
	at DATETIME NOT NULL,
	CONSTRAINT pk_backtests PRIMARY KEY (id),
	CONSTRAINT fk_backtests_evidence_digest_documents FOREIGN KEY(evidence_digest) REFERENCES documents (digest),
	CONSTRAINT fk_backtests_version_id_model_versions FOREIGN KEY(version_id) REFERENCES model_versions (id)
);
INSERT INTO "backtests" VALUES(1,1,'d18297ce33b678be23d47cd2300bf3972172a1c2cdbe35b5c264d2c780da7772','7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed','c7c5c1d70c5dec4416ab6158afd0b223ef40c29b1dc1f97ed9428b94d4cadb1c','3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7','ee8250fb76e094b34b471f13a73dbbe51d1ae142e9df59d7c0d31ec20f0a0a8e','{"by_year": {"2025": [1e-300, null]}, "note": "\u00e9", "sharpe": 0.30000000000000004, "trades": 12}','vera','2026-01-05 12:00:00.000000');
INSERT INTO "backtests" VALUES(2,2,'2ca275dd4faac87d6ed3c45a9f9174b69e02133e590ddf0c405fe83a68f3121c','3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3','c7c5c1d70c5dec4416ab6158afd0b223ef40c29b1dc1f97ed9428b94d4cadb1c','3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7','ee8250fb76e094b34b471f13a73dbbe51d1ae142e9df59d7c0d31ec20f0a0a8e','{"by_year": {"2025": [1e-300, null]}, "note": "\u00e9", "sharpe": 0.30000000000000004, "trades": 12}','vera','2026-01-05 12:00:00.000000');
CREATE TABLE datasets (
	id INTEGER NOT NULL,
	dataset_hash VARCHAR(64) NOT NULL,
	name VARCHAR(128) NOT NULL,
	file_sha256 VARCHAR(64) NOT NULL,
	rows INTEGER NOT NULL,
	symbols TEXT NOT NULL,
	first VARCHAR(32) NOT NULL,
	last VARCHAR(32) NOT NULL,
	created_at DATETIME NOT NULL,
	created_by VARCHAR(64) NOT NULL,
	CONSTRAINT pk_datasets PRIMARY KEY (id),
	CONSTRAINT uq_datasets_dataset_hash UNIQUE (dataset_hash)
);
INSERT INTO "datasets" VALUES(1,'8556ab2559634a19bd1d144dc844a0da5a0716a0d671e3b4bb2e36c23a2fe8a8','bars','c2f2fa21318afae12ad2f64baab902e3ed26203b7ca9b7c82477175bd0532689',2147483647,'["SPY", "\u00dcn\u00ef"]','2020-01-02','2025-12-31','2026-01-05 12:00:00.000000','ana');
CREATE TABLE documents (
	digest VARCHAR(64) NOT NULL,
	kind VARCHAR(32) NOT NULL,
	body BLOB NOT NULL,
	created_at DATETIME NOT NULL,
	CONSTRAINT pk_documents PRIMARY KEY (digest)
);
INSERT INTO "documents" VALUES('f89f2c93435f42ab69280483e49d7244ea4de920c6f6144061c057ab4e176eef','manifest',X'7B226D6F64656C223A226D227D0A','2026-01-05 12:01:00.000000');
INSERT INTO "documents" VALUES('ee8250fb76e094b34b471f13a73dbbe51d1ae142e9df59d7c0d31ec20f0a0a8e','evidence',X'000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9FA0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBFC0C1C2C3C4C5C6C7C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7D8D9DADBDCDDDEDFE0E1E2E3E4E5E6E7E8E9EAEBECEDEEEFF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF','2026-01-05 12:00:00.000000');
INSERT INTO "documents" VALUES('a4d451ec23463726f72c43d64c710968f6b602cd653b4de8adee1b556240a829','release',X'7B7D','2026-01-05 12:00:00.000000');
INSERT INTO "documents" VALUES('f6a214f7a5fcda0c2cee9660b7fc29f5649e3c68aad48e20e950137c98913a68','job-result',X'7B22736861727065223A317D','2026-01-05 13:00:00.000000');
CREATE TABLE events (
	sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	model_id INTEGER NOT NULL,
	version INTEGER,
	kind VARCHAR(64) NOT NULL,
	actor VARCHAR(64) NOT NULL,
	at DATETIME NOT NULL,
	reason TEXT NOT NULL,
	body TEXT NOT NULL,
	CONSTRAINT fk_events_model_id_models FOREIGN KEY(model_id) REFERENCES models (id)
);
INSERT INTO "events" VALUES(1,1,NULL,'ModelRegistered','ana','2026-01-05 12:01:00.000000','','{"owner": "desk", "strategy": "trend", "tier": "high"}');
INSERT INTO "events" VALUES(2,1,1,'VersionDrafted','ana','2026-01-05 12:02:00.000000','','{"version": 1}');
INSERT INTO "events" VALUES(3,1,1,'ManifestRecorded','tom','2026-01-05 12:03:00.000000','','{"artifact_digest": "f704638b5ae224c9b2460440bbd785a1691f2572d829a7476b291a965a08320a", "content_digest": "d1988cd3019824f075f61677e1a6f54b16035868488e4051757dde53adeef80f", "manifest_digest": "f89f2c93435f42ab69280483e49d7244ea4de920c6f6144061c057ab4e176eef", "version": 1}');
INSERT INTO "events" VALUES(4,1,1,'ApprovalGranted','vera','2026-01-05 12:04:00.000000','','{"content_digest": "d1988cd3019824f075f61677e1a6f54b16035868488e4051757dde53adeef80f", "policy_digest": "823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812", "target": "PRODUCTION", "version": 1}');
INSERT INTO "events" VALUES(5,1,1,'VersionPromoted','olga','2026-01-05 12:05:00.000000','','{"approvers": [], "policy_digest": "823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812", "source": "DRAFT", "target": "TRAINED", "verdict_digest": "11e221bd1b7fc99544f3f765b0c39dd2786e636c3422d6bec026d1ed03884cac", "version": 1}');
INSERT INTO "events" VALUES(6,1,1,'VersionPromoted','olga','2026-01-05 12:06:00.000000','','{"approvers": [], "policy_digest": "823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812", "source": "TRAINED", "target": "VALIDATED", "verdict_digest": "11e221bd1b7fc99544f3f765b0c39dd2786e636c3422d6bec026d1ed03884cac", "version": 1}');
INSERT INTO "events" VALUES(7,1,1,'VersionPromoted','olga','2026-01-05 12:07:00.000000','','{"approvers": [], "policy_digest": "823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812", "source": "VALIDATED", "target": "STAGING", "verdict_digest": "11e221bd1b7fc99544f3f765b0c39dd2786e636c3422d6bec026d1ed03884cac", "version": 1}');
INSERT INTO "events" VALUES(8,1,1,'VersionPromoted','olga','2026-01-05 12:08:00.000000','','{"approvers": ["vera"], "policy_digest": "823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812", "source": "STAGING", "target": "PRODUCTION", "verdict_digest": "11e221bd1b7fc99544f3f765b0c39dd2786e636c3422d6bec026d1ed03884cac", "version": 1}');
INSERT INTO "events" VALUES(9,1,2,'VersionDrafted','ana','2026-01-05 12:09:00.000000','','{"version": 2}');
INSERT INTO "events" VALUES(10,1,2,'ManifestRecorded','tom','2026-01-05 12:10:00.000000','','{"artifact_digest": "0984b8a8a5d5cffea9bf00c894d3be1cdab7fbe2e01fc3744c918759ad19355e", "content_digest": "9597d898814f165b7ed6118722c24271fec8c1254d46e437ad6ab24050763e2d", "manifest_digest": "bedbe217a47cf0b6f225dd3e539a0a1115cff37fd2a84355b41d4db8f0962fdb", "version": 2}');
INSERT INTO "events" VALUES(11,1,2,'ApprovalGranted','vera','2026-01-05 12:11:00.000000','','{"content_digest": "9597d898814f165b7ed6118722c24271fec8c1254d46e437ad6ab24050763e2d", "policy_digest": "823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812", "target": "PRODUCTION", "version": 2}');
INSERT INTO "events" VALUES(12,1,2,'VersionPromoted','olga','2026-01-05 12:12:00.000000','','{"approvers": [], "policy_digest": "823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812", "source": "DRAFT", "target": "TRAINED", "verdict_digest": "11e221bd1b7fc99544f3f765b0c39dd2786e636c3422d6bec026d1ed03884cac", "version": 2}');
INSERT INTO "events" VALUES(13,1,2,'VersionPromoted','olga','2026-01-05 12:13:00.000000','','{"approvers": [], "policy_digest": "823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812", "source": "TRAINED", "target": "VALIDATED", "verdict_digest": "11e221bd1b7fc99544f3f765b0c39dd2786e636c3422d6bec026d1ed03884cac", "version": 2}');
INSERT INTO "events" VALUES(14,1,2,'VersionPromoted','olga','2026-01-05 12:14:00.000000','','{"approvers": [], "policy_digest": "823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812", "source": "VALIDATED", "target": "STAGING", "verdict_digest": "11e221bd1b7fc99544f3f765b0c39dd2786e636c3422d6bec026d1ed03884cac", "version": 2}');
INSERT INTO "events" VALUES(15,1,3,'VersionDrafted','ana','2026-01-05 12:15:00.000000','','{"version": 3}');
INSERT INTO "events" VALUES(16,1,1,'VersionSuperseded','olga','2026-01-05 12:16:00.000000','better','{"successor": 2, "version": 1}');
INSERT INTO "events" VALUES(17,1,2,'VersionPromoted','olga','2026-01-05 12:16:00.000000','better','{"approvers": ["vera"], "policy_digest": "823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812", "source": "STAGING", "target": "PRODUCTION", "verdict_digest": "11e221bd1b7fc99544f3f765b0c39dd2786e636c3422d6bec026d1ed03884cac", "version": 2}');
INSERT INTO "events" VALUES(18,1,2,'VersionTagged','ana','2026-01-05 12:17:00.000000','','{"key": "desk", "value": "rates", "version": 2}');
INSERT INTO "events" VALUES(19,1,2,'VersionTagged','ana','2026-01-05 12:18:00.000000','','{"key": "desk", "value": "credit", "version": 2}');
INSERT INTO "events" VALUES(20,1,2,'VersionQuarantined','olga','2026-01-05 12:19:00.000000','wild orders','{"version": 2}');
INSERT INTO "events" VALUES(21,1,2,'QuarantineLifted','olga','2026-01-05 12:20:00.000000','limits set; ''quoted'' ü','{"version": 2}');
INSERT INTO "events" VALUES(22,1,3,'VersionRetired','olga','2026-01-05 12:21:00.000000','withdrawn','{"source": "DRAFT", "version": 3}');
INSERT INTO "events" VALUES(23,2,NULL,'ModelRegistered','ana','2026-01-05 12:01:00.000000','','{"owner": "desk", "strategy": "carry", "tier": "high"}');
INSERT INTO "events" VALUES(24,2,1,'VersionDrafted','ana','2026-01-05 12:02:00.000000','','{"version": 1}');
INSERT INTO "events" VALUES(25,2,1,'ManifestRecorded','tom','2026-01-05 12:03:00.000000','','{"artifact_digest": "f704638b5ae224c9b2460440bbd785a1691f2572d829a7476b291a965a08320a", "content_digest": "d1988cd3019824f075f61677e1a6f54b16035868488e4051757dde53adeef80f", "manifest_digest": "f89f2c93435f42ab69280483e49d7244ea4de920c6f6144061c057ab4e176eef", "version": 1}');
INSERT INTO "events" VALUES(26,2,1,'ApprovalGranted','vera','2026-01-05 12:04:00.000000','','{"content_digest": "d1988cd3019824f075f61677e1a6f54b16035868488e4051757dde53adeef80f", "policy_digest": "823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812", "target": "PRODUCTION", "version": 1}');
INSERT INTO "events" VALUES(27,2,1,'VersionPromoted','olga','2026-01-05 12:05:00.000000','','{"approvers": [], "policy_digest": "823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812", "source": "DRAFT", "target": "TRAINED", "verdict_digest": "11e221bd1b7fc99544f3f765b0c39dd2786e636c3422d6bec026d1ed03884cac", "version": 1}');
CREATE TABLE idempotency (
	actor VARCHAR(64) NOT NULL,
	"key" VARCHAR(128) NOT NULL,
	route VARCHAR(256) NOT NULL,
	request_digest VARCHAR(64) NOT NULL,
	status INTEGER,
	body BLOB,
	claimed_at DATETIME NOT NULL,
	CONSTRAINT pk_idempotency PRIMARY KEY (actor, "key")
);
INSERT INTO "idempotency" VALUES('ana','k1','POST /promote','230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b98e68fe31acb5',201,X'007265706C79FF','2026-01-05 12:00:00.000000');
CREATE TABLE jobs (
	id VARCHAR(32) NOT NULL,
	kind VARCHAR(32) NOT NULL,
	version_id INTEGER NOT NULL,
	actor VARCHAR(64) NOT NULL,
	roles TEXT NOT NULL,
	strategies TEXT,
	request TEXT NOT NULL,
	state VARCHAR(16) NOT NULL,
	attempt INTEGER NOT NULL,
	created_at DATETIME NOT NULL,
	started_at DATETIME,
	finished_at DATETIME,
	lease_until DATETIME,
	result_digest VARCHAR(64),
	problem TEXT,
	CONSTRAINT pk_jobs PRIMARY KEY (id),
	CONSTRAINT ck_jobs_ck_jobs_state CHECK (state IN ('QUEUED', 'RUNNING', 'DONE', 'FAILED')),
	CONSTRAINT fk_jobs_version_id_model_versions FOREIGN KEY(version_id) REFERENCES model_versions (id),
	CONSTRAINT fk_jobs_result_digest_documents FOREIGN KEY(result_digest) REFERENCES documents (digest)
);
INSERT INTO "jobs" VALUES('00000000000000000000000000000001','backtest',1,'ana','["researcher", "viewer"]','["carry", "trend"]','{"costs": {"slippage_bps": 2.5}, "dataset_hash": null}','DONE',1,'2026-01-05 12:00:01.000000','2026-01-05 13:00:00.000000','2026-01-05 13:00:00.000000',NULL,'f6a214f7a5fcda0c2cee9660b7fc29f5649e3c68aad48e20e950137c98913a68',NULL);
INSERT INTO "jobs" VALUES('00000000000000000000000000000002','backtest',1,'ana','["researcher", "viewer"]','["carry", "trend"]','{"costs": {"slippage_bps": 2.5}, "dataset_hash": null}','FAILED',1,'2026-01-05 12:00:02.000000','2026-01-05 13:00:00.000000','2026-01-05 13:00:00.000000',NULL,NULL,'{"code": "dataset_invalid", "details": {"rows": [1, null]}, "message": "not bars"}');
INSERT INTO "jobs" VALUES('00000000000000000000000000000003','backtest',1,'ana','["researcher", "viewer"]','["carry", "trend"]','{"costs": {"slippage_bps": 2.5}, "dataset_hash": null}','QUEUED',0,'2026-01-05 12:00:03.000000',NULL,NULL,NULL,NULL,NULL);
CREATE TABLE model_drift_reports (
	id INTEGER NOT NULL,
	version_id INTEGER NOT NULL,
	slot DATETIME NOT NULL,
	status VARCHAR(16) NOT NULL,
	severity VARCHAR(16),
	digest VARCHAR(64) NOT NULL,
	report TEXT NOT NULL,
	created_at DATETIME NOT NULL,
	CONSTRAINT pk_model_drift_reports PRIMARY KEY (id),
	CONSTRAINT fk_model_drift_reports_version_id_model_versions FOREIGN KEY(version_id) REFERENCES model_versions (id),
	CONSTRAINT uq_model_drift_reports_version_id_slot UNIQUE (version_id, slot)
);
INSERT INTO "model_drift_reports" VALUES(1,2,'2026-01-05 12:00:00.000000','OK','NORMAL','1c9338eb9c4746e1c7c03aa4af28451b10f2187952635c0988479d940a05be55','{"features": {"x": {"ks": null, "psi": 0.30000000000000004}}, "rows": 20}','2026-01-05 12:00:07.000000');
INSERT INTO "model_drift_reports" VALUES(2,2,'2026-01-05 13:00:00.000000','INSUFFICIENT',NULL,'e57acc10f53c55bd65c8462f1402834edd30e4f41203988a0cac5aff6122a614','{"features": {"x": {"ks": null, "psi": 0.30000000000000004}}, "rows": 20}','2026-01-05 13:00:07.000000');
CREATE TABLE model_versions (
	id INTEGER NOT NULL,
	model_id INTEGER NOT NULL,
	version INTEGER NOT NULL,
	stage VARCHAR(16) NOT NULL,
	author VARCHAR(64) NOT NULL,
	trainer VARCHAR(64),
	manifest_digest VARCHAR(64),
	artifact_digest VARCHAR(64),
	content_digest VARCHAR(64),
	quarantine_reason TEXT,
	created_at DATETIME NOT NULL,
	stage_since DATETIME NOT NULL,
	left_production_at DATETIME,
	CONSTRAINT pk_model_versions PRIMARY KEY (id),
	CONSTRAINT ck_model_versions_ck_model_versions_stage CHECK (stage IN ('DRAFT', 'TRAINED', 'VALIDATED', 'STAGING', 'PRODUCTION', 'RETIRED')),
	CONSTRAINT fk_model_versions_model_id_models FOREIGN KEY(model_id) REFERENCES models (id),
	CONSTRAINT uq_model_versions_model_id_version UNIQUE (model_id, version)
);
INSERT INTO "model_versions" VALUES(1,1,1,'STAGING','ana','tom','f89f2c93435f42ab69280483e49d7244ea4de920c6f6144061c057ab4e176eef','f704638b5ae224c9b2460440bbd785a1691f2572d829a7476b291a965a08320a','d1988cd3019824f075f61677e1a6f54b16035868488e4051757dde53adeef80f',NULL,'2026-01-05 12:02:00.000000','2026-01-05 12:16:00.000000','2026-01-05 12:16:00.000000');
INSERT INTO "model_versions" VALUES(2,1,2,'PRODUCTION','ana','tom','bedbe217a47cf0b6f225dd3e539a0a1115cff37fd2a84355b41d4db8f0962fdb','0984b8a8a5d5cffea9bf00c894d3be1cdab7fbe2e01fc3744c918759ad19355e','9597d898814f165b7ed6118722c24271fec8c1254d46e437ad6ab24050763e2d',NULL,'2026-01-05 12:09:00.000000','2026-01-05 12:16:00.000000',NULL);
INSERT INTO "model_versions" VALUES(3,1,3,'RETIRED','ana',NULL,NULL,NULL,NULL,NULL,'2026-01-05 12:15:00.000000','2026-01-05 12:21:00.000000',NULL);
INSERT INTO "model_versions" VALUES(4,2,1,'TRAINED','ana','tom','f89f2c93435f42ab69280483e49d7244ea4de920c6f6144061c057ab4e176eef','f704638b5ae224c9b2460440bbd785a1691f2572d829a7476b291a965a08320a','d1988cd3019824f075f61677e1a6f54b16035868488e4051757dde53adeef80f',NULL,'2026-01-05 12:02:00.000000','2026-01-05 12:05:00.000000',NULL);
CREATE TABLE models (
	id INTEGER NOT NULL,
	name VARCHAR(128) NOT NULL,
	strategy VARCHAR(128) NOT NULL,
	owner VARCHAR(128) NOT NULL,
	tier VARCHAR(64) NOT NULL,
	revision INTEGER NOT NULL,
	created_at DATETIME NOT NULL,
	created_by VARCHAR(64) NOT NULL,
	CONSTRAINT pk_models PRIMARY KEY (id),
	CONSTRAINT uq_models_name UNIQUE (name)
);
INSERT INTO "models" VALUES(1,'m','trend','desk','high',22,'2026-01-05 12:01:00.000000','ana');
INSERT INTO "models" VALUES(2,'idle','carry','desk','high',5,'2026-01-05 12:01:00.000000','ana');
CREATE TABLE tokens (
	token_id VARCHAR(32) NOT NULL,
	actor VARCHAR(64) NOT NULL,
	roles TEXT NOT NULL,
	strategies TEXT,
	mac VARCHAR(64) NOT NULL,
	created_at DATETIME NOT NULL,
	created_by VARCHAR(64) NOT NULL,
	revoked_at DATETIME,
	CONSTRAINT pk_tokens PRIMARY KEY (token_id),
	CONSTRAINT uq_tokens_mac UNIQUE (mac)
);
INSERT INTO "tokens" VALUES('t-ana','ana','["researcher", "viewer"]',NULL,'24d4b96f58da6d4a8512313bbd02a28ebf0ca95dec6e4c86ef78ce7f01e788ac','2026-01-05 12:00:00.000000','root',NULL);
INSERT INTO "tokens" VALUES('t-tom','tom','[]','["carry", "trend"]','e1608f75c5d7813f3d4031cb30bfb786507d98137538ff8e128a6ff74e84e643','2026-01-04 12:00:00.000000','root','2026-01-05 13:00:00.000000');
INSERT INTO "tokens" VALUES('t-root','root','["admin"]',NULL,'4813494d137e1631bba301d5acab6e7bb7aa74ce1185d456565ef51d737677b2','2026-01-05 12:00:00.000000','root',NULL);
CREATE TABLE trial_ledger (
	position INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	strategy VARCHAR(128) NOT NULL,
	version_id INTEGER NOT NULL,
	artifact_digest VARCHAR(64) NOT NULL,
	trial_digest VARCHAR(64),
	sharpe FLOAT,
	n_observations INTEGER,
	recorded_at DATETIME NOT NULL,
	CONSTRAINT fk_trial_ledger_version_id_model_versions FOREIGN KEY(version_id) REFERENCES model_versions (id),
	CONSTRAINT uq_trial_ledger_strategy_trial_digest UNIQUE (strategy, trial_digest)
);
INSERT INTO "trial_ledger" VALUES(1,'trend',1,'c7c5c1d70c5dec4416ab6158afd0b223ef40c29b1dc1f97ed9428b94d4cadb1c',NULL,NULL,NULL,'2026-01-05 12:00:00.000000');
INSERT INTO "trial_ledger" VALUES(2,'trend',1,'c7c5c1d70c5dec4416ab6158afd0b223ef40c29b1dc1f97ed9428b94d4cadb1c','7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed',0.125,2147483647,'2026-01-05 12:00:00.000000');
INSERT INTO "trial_ledger" VALUES(3,'trend',2,'c7c5c1d70c5dec4416ab6158afd0b223ef40c29b1dc1f97ed9428b94d4cadb1c','3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3',0.125,2147483647,'2026-01-05 12:00:00.000000');
CREATE TABLE version_tags (
	version_id INTEGER NOT NULL,
	"key" VARCHAR(128) NOT NULL,
	value VARCHAR(512) NOT NULL,
	CONSTRAINT pk_version_tags PRIMARY KEY (version_id, "key"),
	CONSTRAINT fk_version_tags_version_id_model_versions FOREIGN KEY(version_id) REFERENCES model_versions (id)
)
 WITHOUT ROWID

;
INSERT INTO "version_tags" VALUES(2,'desk','credit');
CREATE INDEX ix_events_model_id_sequence ON events (model_id, sequence);
CREATE INDEX ix_model_versions_stage ON model_versions (stage);
CREATE UNIQUE INDEX uq_model_versions_one_production ON model_versions (model_id) WHERE stage = 'PRODUCTION';
CREATE INDEX ix_approvals_version_id ON approvals (version_id);
CREATE INDEX ix_backtests_version_id ON backtests (version_id);
CREATE INDEX ix_trial_ledger_strategy ON trial_ledger (strategy);
CREATE INDEX ix_jobs_state_created_at ON jobs (state, created_at);
CREATE INDEX ix_version_tags_key_value_version_id ON version_tags ("key", value, version_id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('events',27);
INSERT INTO "sqlite_sequence" VALUES('trial_ledger',3);
COMMIT;
