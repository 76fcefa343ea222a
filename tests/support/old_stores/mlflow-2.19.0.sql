BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0584bdc529eb');
CREATE TABLE "datasets" (
	dataset_uuid VARCHAR(36) NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	name VARCHAR(500) NOT NULL, 
	digest VARCHAR(36) NOT NULL, 
	dataset_source_type VARCHAR(36) NOT NULL, 
	dataset_source TEXT NOT NULL, 
	dataset_schema TEXT, 
	dataset_profile TEXT, 
	CONSTRAINT dataset_pk PRIMARY KEY (experiment_id, name, digest), 
	CONSTRAINT fk_datasets_experiment_id_experiments FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id) ON DELETE CASCADE
);
INSERT INTO "datasets" VALUES('ec4424148727493f9f48a45921cc6969',1,'heart.csv','5c1f2a','local','{"uri": "heart.csv"}',NULL,NULL);
CREATE TABLE experiment_tags (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(5000), 
	experiment_id INTEGER NOT NULL, 
	CONSTRAINT experiment_tag_pk PRIMARY KEY ("key", experiment_id), 
	FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id)
);
INSERT INTO "experiment_tags" VALUES('owner','Zoë',1);
CREATE TABLE experiments (
	experiment_id INTEGER NOT NULL, 
	name VARCHAR(256) NOT NULL, 
	artifact_location VARCHAR(256), 
	lifecycle_stage VARCHAR(32), creation_time BIGINT, last_update_time BIGINT, 
	CONSTRAINT experiment_pk PRIMARY KEY (experiment_id), 
	CONSTRAINT experiments_lifecycle_stage CHECK (lifecycle_stage IN ('active', 'deleted')), 
	UNIQUE (name)
);
INSERT INTO "experiments" VALUES(0,'Default','mlflow-artifacts:/0','active',1795975404200,1795975404200);
INSERT INTO "experiments" VALUES(1,'heart','/srv/mlruns/1','active',1795975404251,1795975404251);
INSERT INTO "experiments" VALUES(2,'gone','/srv/mlruns/2','deleted',1795975404268,1795975404785);
CREATE TABLE input_tags (
	input_uuid VARCHAR(36) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	value VARCHAR(500) NOT NULL, 
	CONSTRAINT input_tags_pk PRIMARY KEY (input_uuid, name)
);
INSERT INTO "input_tags" VALUES('ddbd385580d746ecb5c052fc496d1004','mlflow.data.context','training');
CREATE TABLE inputs (
	input_uuid VARCHAR(36) NOT NULL, 
	source_type VARCHAR(36) NOT NULL, 
	source_id VARCHAR(36) NOT NULL, 
	destination_type VARCHAR(36) NOT NULL, 
	destination_id VARCHAR(36) NOT NULL, 
	CONSTRAINT inputs_pk PRIMARY KEY (source_type, source_id, destination_type, destination_id)
);
INSERT INTO "inputs" VALUES('ddbd385580d746ecb5c052fc496d1004','DATASET','ec4424148727493f9f48a45921cc6969','RUN','57e3a79b65734b3b9e694d0d851ce4a8');
CREATE TABLE "latest_metrics" (
	"key" VARCHAR(250) NOT NULL, 
	value FLOAT NOT NULL, 
	timestamp BIGINT, 
	step BIGINT NOT NULL, 
	is_nan BOOLEAN NOT NULL, 
	run_uuid VARCHAR(32) NOT NULL, 
	CONSTRAINT latest_metric_pk PRIMARY KEY ("key", run_uuid), 
	FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid), 
	CHECK (is_nan IN (0, 1))
);
INSERT INTO "latest_metrics" VALUES('loss',0.05,1795975404,19,0,'57e3a79b65734b3b9e694d0d851ce4a8');
INSERT INTO "latest_metrics" VALUES('nan',0.0,1795975404,0,1,'57e3a79b65734b3b9e694d0d851ce4a8');
INSERT INTO "latest_metrics" VALUES('inf',1.79769313486231562234e+308,1795975404,0,0,'57e3a79b65734b3b9e694d0d851ce4a8');
INSERT INTO "latest_metrics" VALUES('loss',0.05,1795975404,19,0,'2835d4cd46cc4eb394c4bc6fefd70899');
INSERT INTO "latest_metrics" VALUES('nan',0.0,1795975404,0,1,'2835d4cd46cc4eb394c4bc6fefd70899');
INSERT INTO "latest_metrics" VALUES('inf',1.79769313486231562234e+308,1795975404,0,0,'2835d4cd46cc4eb394c4bc6fefd70899');
INSERT INTO "latest_metrics" VALUES('loss',0.05,1795975404,19,0,'13f375e3fc764adea9009e891474048f');
INSERT INTO "latest_metrics" VALUES('nan',0.0,1795975404,0,1,'13f375e3fc764adea9009e891474048f');
INSERT INTO "latest_metrics" VALUES('inf',1.79769313486231562234e+308,1795975404,0,0,'13f375e3fc764adea9009e891474048f');
CREATE TABLE "metrics" (
	"key" VARCHAR(250) NOT NULL, 
	value FLOAT NOT NULL, 
	timestamp BIGINT NOT NULL, 
	run_uuid VARCHAR(32) NOT NULL, 
	step BIGINT DEFAULT '0' NOT NULL, 
	is_nan BOOLEAN DEFAULT '0' NOT NULL, 
	CONSTRAINT metric_pk PRIMARY KEY ("key", timestamp, step, run_uuid, value, is_nan), 
	FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid), 
	CHECK (is_nan IN (0, 1))
);
INSERT INTO "metrics" VALUES('loss',1.0,1795975404,'57e3a79b65734b3b9e694d0d851ce4a8',0,0);
INSERT INTO "metrics" VALUES('loss',0.5,1795975404,'57e3a79b65734b3b9e694d0d851ce4a8',1,0);
INSERT INTO "metrics" VALUES('loss',3.33333333333333314829e-01,1795975404,'57e3a79b65734b3b9e694d0d851ce4a8',2,0);
INSERT INTO "metrics" VALUES('loss',0.25,1795975404,'57e3a79b65734b3b9e694d0d851ce4a8',3,0);
INSERT INTO "metrics" VALUES('loss',0.2,1795975404,'57e3a79b65734b3b9e694d0d851ce4a8',4,0);
INSERT INTO "metrics" VALUES('loss',1.66666666666666657414e-01,1795975404,'57e3a79b65734b3b9e694d0d851ce4a8',5,0);
INSERT INTO "metrics" VALUES('loss',1.42857142857142849212e-01,1795975404,'57e3a79b65734b3b9e694d0d851ce4a8',6,0);
INSERT INTO "metrics" VALUES('loss',0.125,1795975404,'57e3a79b65734b3b9e694d0d851ce4a8',7,0);
INSERT INTO "metrics" VALUES('loss',1.11111111111111104943e-01,1795975404,'57e3a79b65734b3b9e694d0d851ce4a8',8,0);
INSERT INTO "metrics" VALUES('loss',0.1,1795975404,'57e3a79b65734b3b9e694d0d851ce4a8',9,0);
INSERT INTO "metrics" VALUES('loss',9.09090909090909116141e-02,1795975404,'57e3a79b65734b3b9e694d0d851ce4a8',10,0);
INSERT INTO "metrics" VALUES('loss',8.33333333333333287074e-02,1795975404,'57e3a79b65734b3b9e694d0d851ce4a8',11,0);
INSERT INTO "metrics" VALUES('loss',7.6923076923076927347e-02,1795975404,'57e3a79b65734b3b9e694d0d851ce4a8',12,0);
INSERT INTO "metrics" VALUES('loss',7.14285714285714246063e-02,1795975404,'57e3a79b65734b3b9e694d0d851ce4a8',13,0);
INSERT INTO "metrics" VALUES('loss',6.66666666666666657414e-02,1795975404,'57e3a79b65734b3b9e694d0d851ce4a8',14,0);
INSERT INTO "metrics" VALUES('loss',0.0625,1795975404,'57e3a79b65734b3b9e694d0d851ce4a8',15,0);
INSERT INTO "metrics" VALUES('loss',5.8823529411764705066e-02,1795975404,'57e3a79b65734b3b9e694d0d851ce4a8',16,0);
INSERT INTO "metrics" VALUES('loss',5.55555555555555524716e-02,1795975404,'57e3a79b65734b3b9e694d0d851ce4a8',17,0);
INSERT INTO "metrics" VALUES('loss',5.26315789473684181309e-02,1795975404,'57e3a79b65734b3b9e694d0d851ce4a8',18,0);
INSERT INTO "metrics" VALUES('loss',0.05,1795975404,'57e3a79b65734b3b9e694d0d851ce4a8',19,0);
INSERT INTO "metrics" VALUES('nan',0.0,1795975404,'57e3a79b65734b3b9e694d0d851ce4a8',0,1);
INSERT INTO "metrics" VALUES('inf',1.79769313486231562234e+308,1795975404,'57e3a79b65734b3b9e694d0d851ce4a8',0,0);
INSERT INTO "metrics" VALUES('loss',1.0,1795975404,'2835d4cd46cc4eb394c4bc6fefd70899',0,0);
INSERT INTO "metrics" VALUES('loss',0.5,1795975404,'2835d4cd46cc4eb394c4bc6fefd70899',1,0);
INSERT INTO "metrics" VALUES('loss',3.33333333333333314829e-01,1795975404,'2835d4cd46cc4eb394c4bc6fefd70899',2,0);
INSERT INTO "metrics" VALUES('loss',0.25,1795975404,'2835d4cd46cc4eb394c4bc6fefd70899',3,0);
INSERT INTO "metrics" VALUES('loss',0.2,1795975404,'2835d4cd46cc4eb394c4bc6fefd70899',4,0);
INSERT INTO "metrics" VALUES('loss',1.66666666666666657414e-01,1795975404,'2835d4cd46cc4eb394c4bc6fefd70899',5,0);
INSERT INTO "metrics" VALUES('loss',1.42857142857142849212e-01,1795975404,'2835d4cd46cc4eb394c4bc6fefd70899',6,0);
INSERT INTO "metrics" VALUES('loss',0.125,1795975404,'2835d4cd46cc4eb394c4bc6fefd70899',7,0);
INSERT INTO "metrics" VALUES('loss',1.11111111111111104943e-01,1795975404,'2835d4cd46cc4eb394c4bc6fefd70899',8,0);
INSERT INTO "metrics" VALUES('loss',0.1,1795975404,'2835d4cd46cc4eb394c4bc6fefd70899',9,0);
INSERT INTO "metrics" VALUES('loss',9.09090909090909116141e-02,1795975404,'2835d4cd46cc4eb394c4bc6fefd70899',10,0);
INSERT INTO "metrics" VALUES('loss',8.33333333333333287074e-02,1795975404,'2835d4cd46cc4eb394c4bc6fefd70899',11,0);
INSERT INTO "metrics" VALUES('loss',7.6923076923076927347e-02,1795975404,'2835d4cd46cc4eb394c4bc6fefd70899',12,0);
INSERT INTO "metrics" VALUES('loss',7.14285714285714246063e-02,1795975404,'2835d4cd46cc4eb394c4bc6fefd70899',13,0);
INSERT INTO "metrics" VALUES('loss',6.66666666666666657414e-02,1795975404,'2835d4cd46cc4eb394c4bc6fefd70899',14,0);
INSERT INTO "metrics" VALUES('loss',0.0625,1795975404,'2835d4cd46cc4eb394c4bc6fefd70899',15,0);
INSERT INTO "metrics" VALUES('loss',5.8823529411764705066e-02,1795975404,'2835d4cd46cc4eb394c4bc6fefd70899',16,0);
INSERT INTO "metrics" VALUES('loss',5.55555555555555524716e-02,1795975404,'2835d4cd46cc4eb394c4bc6fefd70899',17,0);
INSERT INTO "metrics" VALUES('loss',5.26315789473684181309e-02,1795975404,'2835d4cd46cc4eb394c4bc6fefd70899',18,0);
INSERT INTO "metrics" VALUES('loss',0.05,1795975404,'2835d4cd46cc4eb394c4bc6fefd70899',19,0);
INSERT INTO "metrics" VALUES('nan',0.0,1795975404,'2835d4cd46cc4eb394c4bc6fefd70899',0,1);
INSERT INTO "metrics" VALUES('inf',1.79769313486231562234e+308,1795975404,'2835d4cd46cc4eb394c4bc6fefd70899',0,0);
INSERT INTO "metrics" VALUES('loss',1.0,1795975404,'13f375e3fc764adea9009e891474048f',0,0);
INSERT INTO "metrics" VALUES('loss',0.5,1795975404,'13f375e3fc764adea9009e891474048f',1,0);
INSERT INTO "metrics" VALUES('loss',3.33333333333333314829e-01,1795975404,'13f375e3fc764adea9009e891474048f',2,0);
INSERT INTO "metrics" VALUES('loss',0.25,1795975404,'13f375e3fc764adea9009e891474048f',3,0);
INSERT INTO "metrics" VALUES('loss',0.2,1795975404,'13f375e3fc764adea9009e891474048f',4,0);
INSERT INTO "metrics" VALUES('loss',1.66666666666666657414e-01,1795975404,'13f375e3fc764adea9009e891474048f',5,0);
INSERT INTO "metrics" VALUES('loss',1.42857142857142849212e-01,1795975404,'13f375e3fc764adea9009e891474048f',6,0);
INSERT INTO "metrics" VALUES('loss',0.125,1795975404,'13f375e3fc764adea9009e891474048f',7,0);
INSERT INTO "metrics" VALUES('loss',1.11111111111111104943e-01,1795975404,'13f375e3fc764adea9009e891474048f',8,0);
INSERT INTO "metrics" VALUES('loss',0.1,1795975404,'13f375e3fc764adea9009e891474048f',9,0);
INSERT INTO "metrics" VALUES('loss',9.09090909090909116141e-02,1795975404,'13f375e3fc764adea9009e891474048f',10,0);
INSERT INTO "metrics" VALUES('loss',8.33333333333333287074e-02,1795975404,'13f375e3fc764adea9009e891474048f',11,0);
INSERT INTO "metrics" VALUES('loss',7.6923076923076927347e-02,1795975404,'13f375e3fc764adea9009e891474048f',12,0);
INSERT INTO "metrics" VALUES('loss',7.14285714285714246063e-02,1795975404,'13f375e3fc764adea9009e891474048f',13,0);
INSERT INTO "metrics" VALUES('loss',6.66666666666666657414e-02,1795975404,'13f375e3fc764adea9009e891474048f',14,0);
INSERT INTO "metrics" VALUES('loss',0.0625,1795975404,'13f375e3fc764adea9009e891474048f',15,0);
INSERT INTO "metrics" VALUES('loss',5.8823529411764705066e-02,1795975404,'13f375e3fc764adea9009e891474048f',16,0);
INSERT INTO "metrics" VALUES('loss',5.55555555555555524716e-02,1795975404,'13f375e3fc764adea9009e891474048f',17,0);
INSERT INTO "metrics" VALUES('loss',5.26315789473684181309e-02,1795975404,'13f375e3fc764adea9009e891474048f',18,0);
INSERT INTO "metrics" VALUES('loss',0.05,1795975404,'13f375e3fc764adea9009e891474048f',19,0);
INSERT INTO "metrics" VALUES('nan',0.0,1795975404,'13f375e3fc764adea9009e891474048f',0,1);
INSERT INTO "metrics" VALUES('inf',1.79769313486231562234e+308,1795975404,'13f375e3fc764adea9009e891474048f',0,0);
CREATE TABLE model_version_tags (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(5000), 
	name VARCHAR(256) NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT model_version_tag_pk PRIMARY KEY ("key", name, version), 
	FOREIGN KEY(name, version) REFERENCES model_versions (name, version) ON UPDATE cascade
);
INSERT INTO "model_version_tags" VALUES('n','0','classifier',1);
INSERT INTO "model_version_tags" VALUES('n','1','classifier',2);
CREATE TABLE "model_versions" (
	name VARCHAR(256) NOT NULL, 
	version INTEGER NOT NULL, 
	creation_time BIGINT, 
	last_updated_time BIGINT, 
	description VARCHAR(5000), 
	user_id VARCHAR(256), 
	current_stage VARCHAR(20), 
	source VARCHAR(500), 
	run_id VARCHAR(32), 
	status VARCHAR(20), 
	status_message VARCHAR(500), 
	run_link VARCHAR(500), storage_location VARCHAR(500), 
	CONSTRAINT model_version_pk PRIMARY KEY (name, version), 
	FOREIGN KEY(name) REFERENCES registered_models (name) ON UPDATE CASCADE
);
INSERT INTO "model_versions" VALUES('classifier',1,1795975404876,1795975404963,NULL,NULL,'Production','/srv/mlruns/1/57e3a79b65734b3b9e694d0d851ce4a8/artifacts/model','57e3a79b65734b3b9e694d0d851ce4a8','READY',NULL,NULL,'/srv/mlruns/1/57e3a79b65734b3b9e694d0d851ce4a8/artifacts/model');
INSERT INTO "model_versions" VALUES('classifier',2,1795975404928,1795975405059,NULL,NULL,'Deleted_Internal','REDACTED-SOURCE-PATH','REDACTED-RUN-ID','READY',NULL,'REDACTED-RUN-LINK','/srv/mlruns/1/2835d4cd46cc4eb394c4bc6fefd70899/artifacts/model');
CREATE TABLE "params" (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(8000) NOT NULL, 
	run_uuid VARCHAR(32) NOT NULL, 
	CONSTRAINT param_pk PRIMARY KEY ("key", run_uuid), 
	FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid)
);
INSERT INTO "params" VALUES('k','0','57e3a79b65734b3b9e694d0d851ce4a8');
INSERT INTO "params" VALUES('text','xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx','57e3a79b65734b3b9e694d0d851ce4a8');
INSERT INTO "params" VALUES('k','1','2835d4cd46cc4eb394c4bc6fefd70899');
INSERT INTO "params" VALUES('text','xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx','2835d4cd46cc4eb394c4bc6fefd70899');
INSERT INTO "params" VALUES('k','2','13f375e3fc764adea9009e891474048f');
INSERT INTO "params" VALUES('text','xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx','13f375e3fc764adea9009e891474048f');
CREATE TABLE registered_model_aliases (
	alias VARCHAR(256) NOT NULL, 
	version INTEGER NOT NULL, 
	name VARCHAR(256) NOT NULL, 
	CONSTRAINT registered_model_alias_pk PRIMARY KEY (name, alias), 
	CONSTRAINT registered_model_alias_name_fkey FOREIGN KEY(name) REFERENCES registered_models (name) ON DELETE cascade ON UPDATE cascade
);
INSERT INTO "registered_model_aliases" VALUES('champion',1,'classifier');
CREATE TABLE registered_model_tags (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(5000), 
	name VARCHAR(256) NOT NULL, 
	CONSTRAINT registered_model_tag_pk PRIMARY KEY ("key", name), 
	FOREIGN KEY(name) REFERENCES registered_models (name) ON UPDATE cascade
);
INSERT INTO "registered_model_tags" VALUES('task','x','classifier');
CREATE TABLE registered_models (
	name VARCHAR(256) NOT NULL, 
	creation_time BIGINT, 
	last_updated_time BIGINT, 
	description VARCHAR(5000), 
	CONSTRAINT registered_model_pk PRIMARY KEY (name), 
	UNIQUE (name)
);
INSERT INTO "registered_models" VALUES('classifier',1795975404830,1795975405059,'Heart disease – 实验');
CREATE TABLE "runs" (
	run_uuid VARCHAR(32) NOT NULL, 
	name VARCHAR(250), 
	source_type VARCHAR(20), 
	source_name VARCHAR(500), 
	entry_point_name VARCHAR(50), 
	user_id VARCHAR(256), 
	status VARCHAR(9), 
	start_time BIGINT, 
	end_time BIGINT, 
	source_version VARCHAR(50), 
	lifecycle_stage VARCHAR(20), 
	artifact_uri VARCHAR(200), 
	experiment_id INTEGER, deleted_time BIGINT, 
	CONSTRAINT run_pk PRIMARY KEY (run_uuid), 
	CONSTRAINT source_type CHECK (source_type IN ('NOTEBOOK', 'JOB', 'LOCAL', 'UNKNOWN', 'PROJECT')), 
	CONSTRAINT runs_lifecycle_stage CHECK (lifecycle_stage IN ('active', 'deleted')), 
	FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id), 
	CHECK (status IN ('SCHEDULED', 'FAILED', 'FINISHED', 'RUNNING', 'KILLED'))
);
INSERT INTO "runs" VALUES('57e3a79b65734b3b9e694d0d851ce4a8','run-0','UNKNOWN','','','unknown','FAILED',1700000000000,1795975404463,'','active','/srv/mlruns/1/57e3a79b65734b3b9e694d0d851ce4a8/artifacts',1,NULL);
INSERT INTO "runs" VALUES('2835d4cd46cc4eb394c4bc6fefd70899','run-1','UNKNOWN','','','unknown','FINISHED',1700000000001,1795975404567,'','active','/srv/mlruns/1/2835d4cd46cc4eb394c4bc6fefd70899/artifacts',1,NULL);
INSERT INTO "runs" VALUES('13f375e3fc764adea9009e891474048f','run-2','UNKNOWN','','','unknown','FINISHED',1700000000002,1795975404677,'','deleted','/srv/mlruns/1/13f375e3fc764adea9009e891474048f/artifacts',1,1795975404755);
CREATE TABLE "tags" (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(8000), 
	run_uuid VARCHAR(32) NOT NULL, 
	CONSTRAINT tag_pk PRIMARY KEY ("key", run_uuid), 
	FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid)
);
INSERT INTO "tags" VALUES('mlflow.runName','run-0','57e3a79b65734b3b9e694d0d851ce4a8');
INSERT INTO "tags" VALUES('mlflow.runName','run-1','2835d4cd46cc4eb394c4bc6fefd70899');
INSERT INTO "tags" VALUES('mlflow.runName','run-2','13f375e3fc764adea9009e891474048f');
CREATE TABLE trace_info (
	request_id VARCHAR(50) NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	timestamp_ms BIGINT NOT NULL, 
	execution_time_ms BIGINT, 
	status VARCHAR(50) NOT NULL, 
	CONSTRAINT trace_info_pk PRIMARY KEY (request_id), 
	CONSTRAINT fk_trace_info_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id)
);
INSERT INTO "trace_info" VALUES('5295dbc40bb64fc39f1efcd920c53b38',1,1795975405081,NULL,'IN_PROGRESS');
CREATE TABLE "trace_request_metadata" (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(8000), 
	request_id VARCHAR(50) NOT NULL, 
	CONSTRAINT trace_request_metadata_pk PRIMARY KEY ("key", request_id), 
	CONSTRAINT fk_trace_request_metadata_request_id FOREIGN KEY(request_id) REFERENCES trace_info (request_id) ON DELETE CASCADE
);
INSERT INTO "trace_request_metadata" VALUES('mlflow.trace_schema.version','2','5295dbc40bb64fc39f1efcd920c53b38');
CREATE TABLE "trace_tags" (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(8000), 
	request_id VARCHAR(50) NOT NULL, 
	CONSTRAINT trace_tag_pk PRIMARY KEY ("key", request_id), 
	CONSTRAINT fk_trace_tags_request_id FOREIGN KEY(request_id) REFERENCES trace_info (request_id) ON DELETE CASCADE
);
INSERT INTO "trace_tags" VALUES('mlflow.source.name','train.py','5295dbc40bb64fc39f1efcd920c53b38');
INSERT INTO "trace_tags" VALUES('mlflow.source.type','LOCAL','5295dbc40bb64fc39f1efcd920c53b38');
INSERT INTO "trace_tags" VALUES('mlflow.traceName','question','5295dbc40bb64fc39f1efcd920c53b38');
INSERT INTO "trace_tags" VALUES('mlflow.artifactLocation','/srv/mlruns/1/traces/5295dbc40bb64fc39f1efcd920c53b38/artifacts','5295dbc40bb64fc39f1efcd920c53b38');
CREATE INDEX index_metrics_run_uuid ON metrics (run_uuid);
CREATE INDEX index_latest_metrics_run_uuid ON latest_metrics (run_uuid);
CREATE INDEX index_inputs_destination_type_destination_id_source_type ON inputs (destination_type, destination_id, source_type);
CREATE INDEX index_inputs_input_uuid ON inputs (input_uuid);
CREATE INDEX index_params_run_uuid ON params (run_uuid);
CREATE INDEX index_trace_info_experiment_id_timestamp_ms ON trace_info (experiment_id, timestamp_ms);
CREATE INDEX index_trace_tags_request_id ON trace_tags (request_id);
CREATE INDEX index_trace_request_metadata_request_id ON trace_request_metadata (request_id);
CREATE INDEX index_tags_run_uuid ON tags (run_uuid);
CREATE INDEX index_datasets_dataset_uuid ON datasets (dataset_uuid);
CREATE INDEX index_datasets_experiment_id_dataset_source_type ON datasets (experiment_id, dataset_source_type);
COMMIT;
