CREATE EXTERNAL TABLE `stedi_raw`.`accelerometer_landing` (
  `user` string COMMENT 'Email of the person, as received.',
  `timestamp` bigint COMMENT 'Time of the reading, epoch ms.',
  `x` double COMMENT 'Acceleration along x, in g.',
  `y` double COMMENT 'Acceleration along y, in g.',
  `z` double COMMENT 'Acceleration along z, in g.'
)
COMMENT 'Landing files of accelerometer_landing, unchanged.'
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
WITH SERDEPROPERTIES ('case.insensitive'='TRUE', 'ignore.malformed.json'='TRUE')
LOCATION 's3://your-bucket/accelerometer/landing/'
TBLPROPERTIES ('classification'='json');
