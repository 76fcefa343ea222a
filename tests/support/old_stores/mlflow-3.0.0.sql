BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('6953534de441');
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
INSERT INTO "datasets" VALUES('e520285423a54246829f8e363d45cd03',1,'heart.csv','5c1f2a','local','{"uri": "heart.csv"}',NULL,NULL);
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
INSERT INTO "experiments" VALUES(0,'Default','mlflow-artifacts:/0','active',1795975448180,1795975448180);
INSERT INTO "experiments" VALUES(1,'heart','/srv/mlruns/1','active',1795975448217,1795975448217);
INSERT INTO "experiments" VALUES(2,'gone','/srv/mlruns/2','deleted',1795975448223,1795975448289);
CREATE TABLE input_tags (
	input_uuid VARCHAR(36) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	value VARCHAR(500) NOT NULL, 
	CONSTRAINT input_tags_pk PRIMARY KEY (input_uuid, name)
);
INSERT INTO "input_tags" VALUES('2fc1ee24462548cbbca0a6ba7a5b28c0','mlflow.data.context','training');
CREATE TABLE inputs (
	input_uuid VARCHAR(36) NOT NULL, 
	source_type VARCHAR(36) NOT NULL, 
	source_id VARCHAR(36) NOT NULL, 
	destination_type VARCHAR(36) NOT NULL, 
	destination_id VARCHAR(36) NOT NULL, step BIGINT DEFAULT '0' NOT NULL, 
	CONSTRAINT inputs_pk PRIMARY KEY (source_type, source_id, destination_type, destination_id)
);
INSERT INTO "inputs" VALUES('2fc1ee24462548cbbca0a6ba7a5b28c0','DATASET','e520285423a54246829f8e363d45cd03','RUN','b6124f84a7c145f8b63255e602245504',0);
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
INSERT INTO "latest_metrics" VALUES('loss',0.05,1795975448,19,0,'b6124f84a7c145f8b63255e602245504');
INSERT INTO "latest_metrics" VALUES('nan',0.0,1795975448,0,1,'b6124f84a7c145f8b63255e602245504');
INSERT INTO "latest_metrics" VALUES('inf',1.79769313486231562234e+308,1795975448,0,0,'b6124f84a7c145f8b63255e602245504');
INSERT INTO "latest_metrics" VALUES('loss',0.05,1795975448,19,0,'6f4cfe71a5504b1293f26d33a6f3a833');
INSERT INTO "latest_metrics" VALUES('nan',0.0,1795975448,0,1,'6f4cfe71a5504b1293f26d33a6f3a833');
INSERT INTO "latest_metrics" VALUES('inf',1.79769313486231562234e+308,1795975448,0,0,'6f4cfe71a5504b1293f26d33a6f3a833');
INSERT INTO "latest_metrics" VALUES('loss',0.05,1795975448,19,0,'97c69796d0c145deb52f65d1a53878e0');
INSERT INTO "latest_metrics" VALUES('nan',0.0,1795975448,0,1,'97c69796d0c145deb52f65d1a53878e0');
INSERT INTO "latest_metrics" VALUES('inf',1.79769313486231562234e+308,1795975448,0,0,'97c69796d0c145deb52f65d1a53878e0');
CREATE TABLE logged_model_metrics (
	model_id VARCHAR(36) NOT NULL, 
	metric_name VARCHAR(500) NOT NULL, 
	metric_timestamp_ms BIGINT NOT NULL, 
	metric_step BIGINT NOT NULL, 
	metric_value FLOAT, 
	experiment_id INTEGER NOT NULL, 
	run_id VARCHAR(32) NOT NULL, 
	dataset_uuid VARCHAR(36), 
	dataset_name VARCHAR(500), 
	dataset_digest VARCHAR(36), 
	CONSTRAINT logged_model_metrics_pk PRIMARY KEY (model_id, metric_name, metric_timestamp_ms, metric_step, run_id), 
	CONSTRAINT fk_logged_model_metrics_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id), 
	CONSTRAINT fk_logged_model_metrics_model_id FOREIGN KEY(model_id) REFERENCES logged_models (model_id) ON DELETE CASCADE, 
	CONSTRAINT fk_logged_model_metrics_run_id FOREIGN KEY(run_id) REFERENCES runs (run_uuid) ON DELETE CASCADE
);
CREATE TABLE logged_model_params (
	model_id VARCHAR(36) NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	param_key VARCHAR(255) NOT NULL, 
	param_value TEXT NOT NULL, 
	CONSTRAINT logged_model_params_pk PRIMARY KEY (model_id, param_key), 
	CONSTRAINT fk_logged_model_params_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id), 
	CONSTRAINT fk_logged_model_params_model_id FOREIGN KEY(model_id) REFERENCES logged_models (model_id) ON DELETE CASCADE
);
INSERT INTO "logged_model_params" VALUES('m-1dfdde241b9346aa8032d344d42a89ec',1,'k','1');
CREATE TABLE logged_model_tags (
	model_id VARCHAR(36) NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	tag_key VARCHAR(255) NOT NULL, 
	tag_value TEXT NOT NULL, 
	CONSTRAINT logged_model_tags_pk PRIMARY KEY (model_id, tag_key), 
	CONSTRAINT fk_logged_model_tags_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id), 
	CONSTRAINT fk_logged_model_tags_model_id FOREIGN KEY(model_id) REFERENCES logged_models (model_id) ON DELETE CASCADE
);
CREATE TABLE logged_models (
	model_id VARCHAR(36) NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	name VARCHAR(500) NOT NULL, 
	artifact_location VARCHAR(1000) NOT NULL, 
	creation_timestamp_ms BIGINT NOT NULL, 
	last_updated_timestamp_ms BIGINT NOT NULL, 
	status INTEGER NOT NULL, 
	lifecycle_stage VARCHAR(32), 
	model_type VARCHAR(500), 
	source_run_id VARCHAR(32), 
	status_message VARCHAR(1000), 
	CONSTRAINT logged_models_pk PRIMARY KEY (model_id), 
	CONSTRAINT logged_models_lifecycle_stage_check CHECK (lifecycle_stage IN ('active', 'deleted')), 
	CONSTRAINT fk_logged_models_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id) ON DELETE CASCADE
);
INSERT INTO "logged_models" VALUES('m-1dfdde241b9346aa8032d344d42a89ec',1,'model','/srv/mlruns/1/models/m-1dfdde241b9346aa8032d344d42a89ec/artifacts',1795975448590,1795975448598,2,'active',NULL,'b6124f84a7c145f8b63255e602245504',NULL);
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
INSERT INTO "metrics" VALUES('loss',1.0,1795975448,'b6124f84a7c145f8b63255e602245504',0,0);
INSERT INTO "metrics" VALUES('loss',0.5,1795975448,'b6124f84a7c145f8b63255e602245504',1,0);
INSERT INTO "metrics" VALUES('loss',3.33333333333333314829e-01,1795975448,'b6124f84a7c145f8b63255e602245504',2,0);
INSERT INTO "metrics" VALUES('loss',0.25,1795975448,'b6124f84a7c145f8b63255e602245504',3,0);
INSERT INTO "metrics" VALUES('loss',0.2,1795975448,'b6124f84a7c145f8b63255e602245504',4,0);
INSERT INTO "metrics" VALUES('loss',1.66666666666666657414e-01,1795975448,'b6124f84a7c145f8b63255e602245504',5,0);
INSERT INTO "metrics" VALUES('loss',1.42857142857142849212e-01,1795975448,'b6124f84a7c145f8b63255e602245504',6,0);
INSERT INTO "metrics" VALUES('loss',0.125,1795975448,'b6124f84a7c145f8b63255e602245504',7,0);
INSERT INTO "metrics" VALUES('loss',1.11111111111111104943e-01,1795975448,'b6124f84a7c145f8b63255e602245504',8,0);
INSERT INTO "metrics" VALUES('loss',0.1,1795975448,'b6124f84a7c145f8b63255e602245504',9,0);
INSERT INTO "metrics" VALUES('loss',9.09090909090909116141e-02,1795975448,'b6124f84a7c145f8b63255e602245504',10,0);
INSERT INTO "metrics" VALUES('loss',8.33333333333333287074e-02,1795975448,'b6124f84a7c145f8b63255e602245504',11,0);
INSERT INTO "metrics" VALUES('loss',7.6923076923076927347e-02,1795975448,'b6124f84a7c145f8b63255e602245504',12,0);
INSERT INTO "metrics" VALUES('loss',7.14285714285714246063e-02,1795975448,'b6124f84a7c145f8b63255e602245504',13,0);
INSERT INTO "metrics" VALUES('loss',6.66666666666666657414e-02,1795975448,'b6124f84a7c145f8b63255e602245504',14,0);
INSERT INTO "metrics" VALUES('loss',0.0625,1795975448,'b6124f84a7c145f8b63255e602245504',15,0);
INSERT INTO "metrics" VALUES('loss',5.8823529411764705066e-02,1795975448,'b6124f84a7c145f8b63255e602245504',16,0);
INSERT INTO "metrics" VALUES('loss',5.55555555555555524716e-02,1795975448,'b6124f84a7c145f8b63255e602245504',17,0);
INSERT INTO "metrics" VALUES('loss',5.26315789473684181309e-02,1795975448,'b6124f84a7c145f8b63255e602245504',18,0);
INSERT INTO "metrics" VALUES('loss',0.05,1795975448,'b6124f84a7c145f8b63255e602245504',19,0);
INSERT INTO "metrics" VALUES('nan',0.0,1795975448,'b6124f84a7c145f8b63255e602245504',0,1);
INSERT INTO "metrics" VALUES('inf',1.79769313486231562234e+308,1795975448,'b6124f84a7c145f8b63255e602245504',0,0);
INSERT INTO "metrics" VALUES('loss',1.0,1795975448,'6f4cfe71a5504b1293f26d33a6f3a833',0,0);
INSERT INTO "metrics" VALUES('loss',0.5,1795975448,'6f4cfe71a5504b1293f26d33a6f3a833',1,0);
INSERT INTO "metrics" VALUES('loss',3.33333333333333314829e-01,1795975448,'6f4cfe71a5504b1293f26d33a6f3a833',2,0);
INSERT INTO "metrics" VALUES('loss',0.25,1795975448,'6f4cfe71a5504b1293f26d33a6f3a833',3,0);
INSERT INTO "metrics" VALUES('loss',0.2,1795975448,'6f4cfe71a5504b1293f26d33a6f3a833',4,0);
INSERT INTO "metrics" VALUES('loss',1.66666666666666657414e-01,1795975448,'6f4cfe71a5504b1293f26d33a6f3a833',5,0);
INSERT INTO "metrics" VALUES('loss',1.42857142857142849212e-01,1795975448,'6f4cfe71a5504b1293f26d33a6f3a833',6,0);
INSERT INTO "metrics" VALUES('loss',0.125,1795975448,'6f4cfe71a5504b1293f26d33a6f3a833',7,0);
INSERT INTO "metrics" VALUES('loss',1.11111111111111104943e-01,1795975448,'6f4cfe71a5504b1293f26d33a6f3a833',8,0);
INSERT INTO "metrics" VALUES('loss',0.1,1795975448,'6f4cfe71a5504b1293f26d33a6f3a833',9,0);
INSERT INTO "metrics" VALUES('loss',9.09090909090909116141e-02,1795975448,'6f4cfe71a5504b1293f26d33a6f3a833',10,0);
INSERT INTO "metrics" VALUES('loss',8.33333333333333287074e-02,1795975448,'6f4cfe71a5504b1293f26d33a6f3a833',11,0);
INSERT INTO "metrics" VALUES('loss',7.6923076923076927347e-02,1795975448,'6f4cfe71a5504b1293f26d33a6f3a833',12,0);
INSERT INTO "metrics" VALUES('loss',7.14285714285714246063e-02,1795975448,'6f4cfe71a5504b1293f26d33a6f3a833',13,0);
INSERT INTO "metrics" VALUES('loss',6.66666666666666657414e-02,1795975448,'6f4cfe71a5504b1293f26d33a6f3a833',14,0);
INSERT INTO "metrics" VALUES('loss',0.0625,1795975448,'6f4cfe71a5504b1293f26d33a6f3a833',15,0);
INSERT INTO "metrics" VALUES('loss',5.8823529411764705066e-02,1795975448,'6f4cfe71a5504b1293f26d33a6f3a833',16,0);
INSERT INTO "metrics" VALUES('loss',5.55555555555555524716e-02,1795975448,'6f4cfe71a5504b1293f26d33a6f3a833',17,0);
INSERT INTO "metrics" VALUES('loss',5.26315789473684181309e-02,1795975448,'6f4cfe71a5504b1293f26d33a6f3a833',18,0);
INSERT INTO "metrics" VALUES('loss',0.05,1795975448,'6f4cfe71a5504b1293f26d33a6f3a833',19,0);
INSERT INTO "metrics" VALUES('nan',0.0,1795975448,'6f4cfe71a5504b1293f26d33a6f3a833',0,1);
INSERT INTO "metrics" VALUES('inf',1.79769313486231562234e+308,1795975448,'6f4cfe71a5504b1293f26d33a6f3a833',0,0);
INSERT INTO "metrics" VALUES('loss',1.0,1795975448,'97c69796d0c145deb52f65d1a53878e0',0,0);
INSERT INTO "metrics" VALUES('loss',0.5,1795975448,'97c69796d0c145deb52f65d1a53878e0',1,0);
INSERT INTO "metrics" VALUES('loss',3.33333333333333314829e-01,1795975448,'97c69796d0c145deb52f65d1a53878e0',2,0);
INSERT INTO "metrics" VALUES('loss',0.25,1795975448,'97c69796d0c145deb52f65d1a53878e0',3,0);
INSERT INTO "metrics" VALUES('loss',0.2,1795975448,'97c69796d0c145deb52f65d1a53878e0',4,0);
INSERT INTO "metrics" VALUES('loss',1.66666666666666657414e-01,1795975448,'97c69796d0c145deb52f65d1a53878e0',5,0);
INSERT INTO "metrics" VALUES('loss',1.42857142857142849212e-01,1795975448,'97c69796d0c145deb52f65d1a53878e0',6,0);
INSERT INTO "metrics" VALUES('loss',0.125,1795975448,'97c69796d0c145deb52f65d1a53878e0',7,0);
INSERT INTO "metrics" VALUES('loss',1.11111111111111104943e-01,1795975448,'97c69796d0c145deb52f65d1a53878e0',8,0);
INSERT INTO "metrics" VALUES('loss',0.1,1795975448,'97c69796d0c145deb52f65d1a53878e0',9,0);
INSERT INTO "metrics" VALUES('loss',9.09090909090909116141e-02,1795975448,'97c69796d0c145deb52f65d1a53878e0',10,0);
INSERT INTO "metrics" VALUES('loss',8.33333333333333287074e-02,1795975448,'97c69796d0c145deb52f65d1a53878e0',11,0);
INSERT INTO "metrics" VALUES('loss',7.6923076923076927347e-02,1795975448,'97c69796d0c145deb52f65d1a53878e0',12,0);
INSERT INTO "metrics" VALUES('loss',7.14285714285714246063e-02,1795975448,'97c69796d0c145deb52f65d1a53878e0',13,0);
INSERT INTO "metrics" VALUES('loss',6.66666666666666657414e-02,1795975448,'97c69796d0c145deb52f65d1a53878e0',14,0);
INSERT INTO "metrics" VALUES('loss',0.0625,1795975448,'97c69796d0c145deb52f65d1a53878e0',15,0);
INSERT INTO "metrics" VALUES('loss',5.8823529411764705066e-02,1795975448,'97c69796d0c145deb52f65d1a53878e0',16,0);
INSERT INTO "metrics" VALUES('loss',5.55555555555555524716e-02,1795975448,'97c69796d0c145deb52f65d1a53878e0',17,0);
INSERT INTO "metrics" VALUES('loss',5.26315789473684181309e-02,1795975448,'97c69796d0c145deb52f65d1a53878e0',18,0);
INSERT INTO "metrics" VALUES('loss',0.05,1795975448,'97c69796d0c145deb52f65d1a53878e0',19,0);
INSERT INTO "metrics" VALUES('nan',0.0,1795975448,'97c69796d0c145deb52f65d1a53878e0',0,1);
INSERT INTO "metrics" VALUES('inf',1.79769313486231562234e+308,1795975448,'97c69796d0c145deb52f65d1a53878e0',0,0);
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
INSERT INTO "model_versions" VALUES('classifier',1,1795975448314,1795975448419,NULL,NULL,'Production','/srv/mlruns/1/b6124f84a7c145f8b63255e602245504/artifacts/model','b6124f84a7c145f8b63255e602245504','READY',NULL,NULL,'/srv/mlruns/1/b6124f84a7c145f8b63255e602245504/artifacts/model');
INSERT INTO "model_versions" VALUES('classifier',2,1795975448321,1795975448432,NULL,NULL,'Deleted_Internal','REDACTED-SOURCE-PATH','REDACTED-RUN-ID','READY',NULL,'REDACTED-RUN-LINK','/srv/mlruns/1/6f4cfe71a5504b1293f26d33a6f3a833/artifacts/model');
CREATE TABLE "params" (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(8000) NOT NULL, 
	run_uuid VARCHAR(32) NOT NULL, 
	CONSTRAINT param_pk PRIMARY KEY ("key", run_uuid), 
	FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid)
);
INSERT INTO "params" VALUES('k','0','b6124f84a7c145f8b63255e602245504');
INSERT INTO "params" VALUES('text','xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx','b6124f84a7c145f8b63255e602245504');
INSERT INTO "params" VALUES('k','1','6f4cfe71a5504b1293f26d33a6f3a833');
INSERT INTO "params" VALUES('text','xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx','6f4cfe71a5504b1293f26d33a6f3a833');
INSERT INTO "params" VALUES('k','2','97c69796d0c145deb52f65d1a53878e0');
INSERT INTO "params" VALUES('text','xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx','97c69796d0c145deb52f65d1a53878e0');
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
INSERT INTO "registered_models" VALUES('classifier',1795975448308,1795975448432,'Heart disease – 实验');
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
INSERT INTO "runs" VALUES('b6124f84a7c145f8b63255e602245504','run-0','UNKNOWN','','','unknown','FAILED',1700000000000,1795975448243,'','active','/srv/mlruns/1/b6124f84a7c145f8b63255e602245504/artifacts',1,NULL);
INSERT INTO "runs" VALUES('6f4cfe71a5504b1293f26d33a6f3a833','run-1','UNKNOWN','','','unknown','FINISHED',1700000000001,1795975448263,'','active','/srv/mlruns/1/6f4cfe71a5504b1293f26d33a6f3a833/artifacts',1,NULL);
INSERT INTO "runs" VALUES('97c69796d0c145deb52f65d1a53878e0','run-2','UNKNOWN','','','unknown','FINISHED',1700000000002,1795975448278,'','deleted','/srv/mlruns/1/97c69796d0c145deb52f65d1a53878e0/artifacts',1,1795975448287);
CREATE TABLE "tags" (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(8000), 
	run_uuid VARCHAR(32) NOT NULL, 
	CONSTRAINT tag_pk PRIMARY KEY ("key", run_uuid), 
	FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid)
);
INSERT INTO "tags" VALUES('mlflow.runName','run-0','b6124f84a7c145f8b63255e602245504');
INSERT INTO "tags" VALUES('mlflow.runName','run-1','6f4cfe71a5504b1293f26d33a6f3a833');
INSERT INTO "tags" VALUES('mlflow.runName','run-2','97c69796d0c145deb52f65d1a53878e0');
CREATE TABLE trace_info (
	request_id VARCHAR(50) NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	timestamp_ms BIGINT NOT NULL, 
	execution_time_ms BIGINT, 
	status VARCHAR(50) NOT NULL, 
	CONSTRAINT trace_info_pk PRIMARY KEY (request_id), 
	CONSTRAINT fk_trace_info_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id)
);
INSERT INTO "trace_info" VALUES('7c9764aa509247858e70ba5a1e0c81da',1,1795975448564,NULL,'IN_PROGRESS');
CREATE TABLE "trace_request_metadata" (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(8000), 
	request_id VARCHAR(50) NOT NULL, 
	CONSTRAINT trace_request_metadata_pk PRIMARY KEY ("key", request_id), 
	CONSTRAINT fk_trace_request_metadata_request_id FOREIGN KEY(request_id) REFERENCES trace_info (request_id) ON DELETE CASCADE
);
INSERT INTO "trace_request_metadata" VALUES('mlflow.trace_schema.version','3','7c9764aa509247858e70ba5a1e0c81da');
INSERT INTO "trace_request_metadata" VALUES('mlflow.user','root','7c9764aa509247858e70ba5a1e0c81da');
INSERT INTO "trace_request_metadata" VALUES('mlflow.source.name','train.py','7c9764aa509247858e70ba5a1e0c81da');
INSERT INTO "trace_request_metadata" VALUES('mlflow.source.type','LOCAL','7c9764aa509247858e70ba5a1e0c81da');
INSERT INTO "trace_request_metadata" VALUES('mlflow.source.git.commit','','7c9764aa509247858e70ba5a1e0c81da');
INSERT INTO "trace_request_metadata" VALUES('mlflow.source.git.repoURL','','7c9764aa509247858e70ba5a1e0c81da');
INSERT INTO "trace_request_metadata" VALUES('mlflow.source.git.branch','','7c9764aa509247858e70ba5a1e0c81da');
CREATE TABLE "trace_tags" (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(8000), 
	request_id VARCHAR(50) NOT NULL, 
	CONSTRAINT trace_tag_pk PRIMARY KEY ("key", request_id), 
	CONSTRAINT fk_trace_tags_request_id FOREIGN KEY(request_id) REFERENCES trace_info (request_id) ON DELETE CASCADE
);
INSERT INTO "trace_tags" VALUES('mlflow.traceName','question','7c9764aa509247858e70ba5a1e0c81da');
INSERT INTO "trace_tags" VALUES('mlflow.artifactLocation','/srv/mlruns/1/traces/7c9764aa509247858e70ba5a1e0c81da/artifacts','7c9764aa509247858e70ba5a1e0c81da');
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
CREATE INDEX index_logged_model_metrics_model_id ON logged_model_metrics (model_id);
COMMIT;
