CREATE EXTERNAL TABLE `stedi_raw`.`step_trainer_landing` (
  `sensorreadingtime` bigint COMMENT 'Time of the reading, epoch ms.',
  `serialnumber` string COMMENT 'Serial number of the device.',
  `distancefromobject` bigint COMMENT 'Distance from the object in front of the sensor, in millimetres.'
)
COMMENT 'Landing files of step_trainer_landing, unchanged.'
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
WITH SERDEPROPERTIES ('case.insensitive'='TRUE', 'ignore.malformed.json'='TRUE')
LOCATION 's3://your-bucket/step_trainer/landing/'
TBLPROPERTIES ('classification'='json');
