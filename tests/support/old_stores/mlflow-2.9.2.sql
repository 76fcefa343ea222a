BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('acf3f17fdcc7');
CREATE TABLE datasets (
	dataset_uuid VARCHAR(36) NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	name VARCHAR(500) NOT NULL, 
	digest VARCHAR(36) NOT NULL, 
	dataset_source_type VARCHAR(36) NOT NULL, 
	dataset_source TEXT NOT NULL, 
	dataset_schema TEXT, 
	dataset_profile TEXT, 
	CONSTRAINT dataset_pk PRIMARY KEY (experiment_id, name, digest), 
	FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id)
);
INSERT INTO "datasets" VALUES('814e4e46030f4c08892a0df2f10da648',1,'heart.csv','5c1f2a','local','{"uri": "heart.csv"}',NULL,NULL);
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
INSERT INTO "experiments" VALUES(0,'Default','mlflow-artifacts:/0','active',1795975362973,1795975362973);
INSERT INTO "experiments" VALUES(1,'heart','/srv/mlruns/1','active',1795975363025,1795975363025);
INSERT INTO "experiments" VALUES(2,'gone','/srv/mlruns/2','deleted',1795975363057,1795975363473);
CREATE TABLE input_tags (
	input_uuid VARCHAR(36) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	value VARCHAR(500) NOT NULL, 
	CONSTRAINT input_tags_pk PRIMARY KEY (input_uuid, name)
);
INSERT INTO "input_tags" VALUES('a4f07e4d30ca42d0a790fabb314b2321','mlflow.data.context','training');
CREATE TABLE inputs (
	input_uuid VARCHAR(36) NOT NULL, 
	source_type VARCHAR(36) NOT NULL, 
	source_id VARCHAR(36) NOT NULL, 
	destination_type VARCHAR(36) NOT NULL, 
	destination_id VARCHAR(36) NOT NULL, 
	CONSTRAINT inputs_pk PRIMARY KEY (source_type, source_id, destination_type, destination_id)
);
INSERT INTO "inputs" VALUES('a4f07e4d30ca42d0a790fabb314b2321','DATASET','814e4e46030f4c08892a0df2f10da648','RUN','567ee74ff5f44e8e8d73e39a111eb925');
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
INSERT INTO "latest_metrics" VALUES('loss',0.05,1795975363,19,0,'567ee74ff5f44e8e8d73e39a111eb925');
INSERT INTO "latest_metrics" VALUES('nan',0.0,1795975363,0,1,'567ee74ff5f44e8e8d73e39a111eb925');
INSERT INTO "latest_metrics" VALUES('inf',1.79769313486231562234e+308,1795975363,0,0,'567ee74ff5f44e8e8d73e39a111eb925');
INSERT INTO "latest_metrics" VALUES('loss',0.05,1795975363,19,0,'2b666e6ce93b4bec86e1b053be57f721');
INSERT INTO "latest_metrics" VALUES('nan',0.0,1795975363,0,1,'2b666e6ce93b4bec86e1b053be57f721');
INSERT INTO "latest_metrics" VALUES('inf',1.79769313486231562234e+308,1795975363,0,0,'2b666e6ce93b4bec86e1b053be57f721');
INSERT INTO "latest_metrics" VALUES('loss',0.05,1795975363,19,0,'562b013c797f477190bda43217c1f584');
INSERT INTO "latest_metrics" VALUES('nan',0.0,1795975363,0,1,'562b013c797f477190bda43217c1f584');
INSERT INTO "latest_metrics" VALUES('inf',1.79769313486231562234e+308,1795975363,0,0,'562b013c797f477190bda43217c1f584');
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
INSERT INTO "metrics" VALUES('loss',1.0,1795975363,'567ee74ff5f44e8e8d73e39a111eb925',0,0);
INSERT INTO "metrics" VALUES('loss',0.5,1795975363,'567ee74ff5f44e8e8d73e39a111eb925',1,0);
INSERT INTO "metrics" VALUES('loss',3.33333333333333314829e-01,1795975363,'567ee74ff5f44e8e8d73e39a111eb925',2,0);
INSERT INTO "metrics" VALUES('loss',0.25,1795975363,'567ee74ff5f44e8e8d73e39a111eb925',3,0);
INSERT INTO "metrics" VALUES('loss',0.2,1795975363,'567ee74ff5f44e8e8d73e39a111eb925',4,0);
INSERT INTO "metrics" VALUES('loss',1.66666666666666657414e-01,1795975363,'567ee74ff5f44e8e8d73e39a111eb925',5,0);
INSERT INTO "metrics" VALUES('loss',1.42857142857142849212e-01,1795975363,'567ee74ff5f44e8e8d73e39a111eb925',6,0);
INSERT INTO "metrics" VALUES('loss',0.125,1795975363,'567ee74ff5f44e8e8d73e39a111eb925',7,0);
INSERT INTO "metrics" VALUES('loss',1.11111111111111104943e-01,1795975363,'567ee74ff5f44e8e8d73e39a111eb925',8,0);
INSERT INTO "metrics" VALUES('loss',0.1,1795975363,'567ee74ff5f44e8e8d73e39a111eb925',9,0);
INSERT INTO "metrics" VALUES('loss',9.09090909090909116141e-02,1795975363,'567ee74ff5f44e8e8d73e39a111eb925',10,0);
INSERT INTO "metrics" VALUES('loss',8.33333333333333287074e-02,1795975363,'567ee74ff5f44e8e8d73e39a111eb925',11,0);
INSERT INTO "metrics" VALUES('loss',7.6923076923076927347e-02,1795975363,'567ee74ff5f44e8e8d73e39a111eb925',12,0);
INSERT INTO "metrics" VALUES('loss',7.14285714285714246063e-02,1795975363,'567ee74ff5f44e8e8d73e39a111eb925',13,0);
INSERT INTO "metrics" VALUES('loss',6.66666666666666657414e-02,1795975363,'567ee74ff5f44e8e8d73e39a111eb925',14,0);
INSERT INTO "metrics" VALUES('loss',0.0625,1795975363,'567ee74ff5f44e8e8d73e39a111eb925',15,0);
INSERT INTO "metrics" VALUES('loss',5.8823529411764705066e-02,1795975363,'567ee74ff5f44e8e8d73e39a111eb925',16,0);
INSERT INTO "metrics" VALUES('loss',5.55555555555555524716e-02,1795975363,'567ee74ff5f44e8e8d73e39a111eb925',17,0);
INSERT INTO "metrics" VALUES('loss',5.26315789473684181309e-02,1795975363,'567ee74ff5f44e8e8d73e39a111eb925',18,0);
INSERT INTO "metrics" VALUES('loss',0.05,1795975363,'567ee74ff5f44e8e8d73e39a111eb925',19,0);
INSERT INTO "metrics" VALUES('nan',0.0,1795975363,'567ee74ff5f44e8e8d73e39a111eb925',0,1);
INSERT INTO "metrics" VALUES('inf',1.79769313486231562234e+308,1795975363,'567ee74ff5f44e8e8d73e39a111eb925',0,0);
INSERT INTO "metrics" VALUES('loss',1.0,1795975363,'2b666e6ce93b4bec86e1b053be57f721',0,0);
INSERT INTO "metrics" VALUES('loss',0.5,1795975363,'2b666e6ce93b4bec86e1b053be57f721',1,0);
INSERT INTO "metrics" VALUES('loss',3.33333333333333314829e-01,1795975363,'2b666e6ce93b4bec86e1b053be57f721',2,0);
INSERT INTO "metrics" VALUES('loss',0.25,1795975363,'2b666e6ce93b4bec86e1b053be57f721',3,0);
INSERT INTO "metrics" VALUES('loss',0.2,1795975363,'2b666e6ce93b4bec86e1b053be57f721',4,0);
INSERT INTO "metrics" VALUES('loss',1.66666666666666657414e-01,1795975363,'2b666e6ce93b4bec86e1b053be57f721',5,0);
INSERT INTO "metrics" VALUES('loss',1.42857142857142849212e-01,1795975363,'2b666e6ce93b4bec86e1b053be57f721',6,0);
INSERT INTO "metrics" VALUES('loss',0.125,1795975363,'2b666e6ce93b4bec86e1b053be57f721',7,0);
INSERT INTO "metrics" VALUES('loss',1.11111111111111104943e-01,1795975363,'2b666e6ce93b4bec86e1b053be57f721',8,0);
INSERT INTO "metrics" VALUES('loss',0.1,1795975363,'2b666e6ce93b4bec86e1b053be57f721',9,0);
INSERT INTO "metrics" VALUES('loss',9.09090909090909116141e-02,1795975363,'2b666e6ce93b4bec86e1b053be57f721',10,0);
INSERT INTO "metrics" VALUES('loss',8.33333333333333287074e-02,1795975363,'2b666e6ce93b4bec86e1b053be57f721',11,0);
INSERT INTO "metrics" VALUES('loss',7.6923076923076927347e-02,1795975363,'2b666e6ce93b4bec86e1b053be57f721',12,0);
INSERT INTO "metrics" VALUES('loss',7.14285714285714246063e-02,1795975363,'2b666e6ce93b4bec86e1b053be57f721',13,0);
INSERT INTO "metrics" VALUES('loss',6.66666666666666657414e-02,1795975363,'2b666e6ce93b4bec86e1b053be57f721',14,0);
INSERT INTO "metrics" VALUES('loss',0.0625,1795975363,'2b666e6ce93b4bec86e1b053be57f721',15,0);
INSERT INTO "metrics" VALUES('loss',5.8823529411764705066e-02,1795975363,'2b666e6ce93b4bec86e1b053be57f721',16,0);
INSERT INTO "metrics" VALUES('loss',5.55555555555555524716e-02,1795975363,'2b666e6ce93b4bec86e1b053be57f721',17,0);
INSERT INTO "metrics" VALUES('loss',5.26315789473684181309e-02,1795975363,'2b666e6ce93b4bec86e1b053be57f721',18,0);
INSERT INTO "metrics" VALUES('loss',0.05,1795975363,'2b666e6ce93b4bec86e1b053be57f721',19,0);
INSERT INTO "metrics" VALUES('nan',0.0,1795975363,'2b666e6ce93b4bec86e1b053be57f721',0,1);
INSERT INTO "metrics" VALUES('inf',1.79769313486231562234e+308,1795975363,'2b666e6ce93b4bec86e1b053be57f721',0,0);
INSERT INTO "metrics" VALUES('loss',1.0,1795975363,'562b013c797f477190bda43217c1f584',0,0);
INSERT INTO "metrics" VALUES('loss',0.5,1795975363,'562b013c797f477190bda43217c1f584',1,0);
INSERT INTO "metrics" VALUES('loss',3.33333333333333314829e-01,1795975363,'562b013c797f477190bda43217c1f584',2,0);
INSERT INTO "metrics" VALUES('loss',0.25,1795975363,'562b013c797f477190bda43217c1f584',3,0);
INSERT INTO "metrics" VALUES('loss',0.2,1795975363,'562b013c797f477190bda43217c1f584',4,0);
INSERT INTO "metrics" VALUES('loss',1.66666666666666657414e-01,1795975363,'562b013c797f477190bda43217c1f584',5,0);
INSERT INTO "metrics" VALUES('loss',1.42857142857142849212e-01,1795975363,'562b013c797f477190bda43217c1f584',6,0);
INSERT INTO "metrics" VALUES('loss',0.125,1795975363,'562b013c797f477190bda43217c1f584',7,0);
INSERT INTO "metrics" VALUES('loss',1.11111111111111104943e-01,1795975363,'562b013c797f477190bda43217c1f584',8,0);
INSERT INTO "metrics" VALUES('loss',0.1,1795975363,'562b013c797f477190bda43217c1f584',9,0);
INSERT INTO "metrics" VALUES('loss',9.09090909090909116141e-02,1795975363,'562b013c797f477190bda43217c1f584',10,0);
INSERT INTO "metrics" VALUES('loss',8.33333333333333287074e-02,1795975363,'562b013c797f477190bda43217c1f584',11,0);
INSERT INTO "metrics" VALUES('loss',7.6923076923076927347e-02,1795975363,'562b013c797f477190bda43217c1f584',12,0);
INSERT INTO "metrics" VALUES('loss',7.14285714285714246063e-02,1795975363,'562b013c797f477190bda43217c1f584',13,0);
INSERT INTO "metrics" VALUES('loss',6.66666666666666657414e-02,1795975363,'562b013c797f477190bda43217c1f584',14,0);
INSERT INTO "metrics" VALUES('loss',0.0625,1795975363,'562b013c797f477190bda43217c1f584',15,0);
INSERT INTO "metrics" VALUES('loss',5.8823529411764705066e-02,1795975363,'562b013c797f477190bda43217c1f584',16,0);
INSERT INTO "metrics" VALUES('loss',5.55555555555555524716e-02,1795975363,'562b013c797f477190bda43217c1f584',17,0);
INSERT INTO "metrics" VALUES('loss',5.26315789473684181309e-02,1795975363,'562b013c797f477190bda43217c1f584',18,0);
INSERT INTO "metrics" VALUES('loss',0.05,1795975363,'562b013c797f477190bda43217c1f584',19,0);
INSERT INTO "metrics" VALUES('nan',0.0,1795975363,'562b013c797f477190bda43217c1f584',0,1);
INSERT INTO "metrics" VALUES('inf',1.79769313486231562234e+308,1795975363,'562b013c797f477190bda43217c1f584',0,0);
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
INSERT INTO "model_versions" VALUES('classifier',1,1795975363554,1795975363643,NULL,NULL,'Production','/srv/mlruns/1/567ee74ff5f44e8e8d73e39a111eb925/artifacts/model','567ee74ff5f44e8e8d73e39a111eb925','READY',NULL,NULL,'/srv/mlruns/1/567ee74ff5f44e8e8d73e39a111eb925/artifacts/model');
INSERT INTO "model_versions" VALUES('classifier',2,1795975363601,1795975363693,NULL,NULL,'Deleted_Internal','REDACTED-SOURCE-PATH','REDACTED-RUN-ID','READY',NULL,'REDACTED-RUN-LINK','/srv/mlruns/1/2b666e6ce93b4bec86e1b053be57f721/artifacts/model');
CREATE TABLE "params" (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(8000) NOT NULL, 
	run_uuid VARCHAR(32) NOT NULL, 
	CONSTRAINT param_pk PRIMARY KEY ("key", run_uuid), 
	FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid)
);
INSERT INTO "params" VALUES('k','0','567ee74ff5f44e8e8d73e39a111eb925');
INSERT INTO "params" VALUES('text','xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx','567ee74ff5f44e8e8d73e39a111eb925');
INSERT INTO "params" VALUES('k','1','2b666e6ce93b4bec86e1b053be57f721');
INSERT INTO "params" VALUES('text','xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx','2b666e6ce93b4bec86e1b053be57f721');
INSERT INTO "params" VALUES('k','2','562b013c797f477190bda43217c1f584');
INSERT INTO "params" VALUES('text','xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx','562b013c797f477190bda43217c1f584');
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
INSERT INTO "registered_models" VALUES('classifier',1795975363498,1795975363693,'Heart disease – 实验');
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
INSERT INTO "runs" VALUES('567ee74ff5f44e8e8d73e39a111eb925','run-0','UNKNOWN','','','unknown','FAILED',1700000000000,1795975363163,'','active','/srv/mlruns/1/567ee74ff5f44e8e8d73e39a111eb925/artifacts',1,NULL);
INSERT INTO "runs" VALUES('2b666e6ce93b4bec86e1b053be57f721','run-1','UNKNOWN','','','unknown','FINISHED',1700000000001,1795975363283,'','active','/srv/mlruns/1/2b666e6ce93b4bec86e1b053be57f721/artifacts',1,NULL);
INSERT INTO "runs" VALUES('562b013c797f477190bda43217c1f584','run-2','UNKNOWN','','','unknown','FINISHED',1700000000002,1795975363407,'','deleted','/srv/mlruns/1/562b013c797f477190bda43217c1f584/artifacts',1,1795975363450);
CREATE TABLE "tags" (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(5000), 
	run_uuid VARCHAR(32) NOT NULL, 
	CONSTRAINT tag_pk PRIMARY KEY ("key", run_uuid), 
	FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid)
);
INSERT INTO "tags" VALUES('mlflow.runName','run-0','567ee74ff5f44e8e8d73e39a111eb925');
INSERT INTO "tags" VALUES('mlflow.runName','run-1','2b666e6ce93b4bec86e1b053be57f721');
INSERT INTO "tags" VALUES('mlflow.runName','run-2','562b013c797f477190bda43217c1f584');
CREATE INDEX index_metrics_run_uuid ON metrics (run_uuid);
CREATE INDEX index_latest_metrics_run_uuid ON latest_metrics (run_uuid);
CREATE INDEX index_tags_run_uuid ON tags (run_uuid);
CREATE INDEX index_datasets_experiment_id_dataset_source_type ON datasets (experiment_id, dataset_source_type);
CREATE INDEX index_datasets_dataset_uuid ON datasets (dataset_uuid);
CREATE INDEX index_inputs_destination_type_destination_id_source_type ON inputs (destination_type, destination_id, source_type);
CREATE INDEX index_inputs_input_uuid ON inputs (input_uuid);
CREATE INDEX index_params_run_uuid ON params (run_uuid);
COMMIT;
