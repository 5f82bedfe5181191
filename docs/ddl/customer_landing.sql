CREATE EXTERNAL TABLE `stedi_raw`.`customer_landing` (
  `customername` string COMMENT 'Full name.',
  `email` string COMMENT 'Email as received; in its canonical form it names the person.',
  `phone` string COMMENT 'Phone number.',
  `birthday` string COMMENT 'Date of birth as received (YYYY-MM-DD).',
  `serialnumber` string COMMENT 'Serial number of the person\'s Step Trainer.',
  `registrationdate` bigint COMMENT 'Time of registration, epoch ms.',
  `lastupdatedate` bigint COMMENT 'Time of this record, epoch ms; the latest record of a person counts.',
  `sharewithresearchasofdate` bigint COMMENT 'Consent: the time from which data may be used for research, epoch ms.',
  `sharewithpublicasofdate` bigint COMMENT 'Time from which data may be public, epoch ms.',
  `sharewithfriendsasofdate` bigint COMMENT 'Time from which friends may see data, epoch ms.'
)
COMMENT 'Landing files of customer_landing, unchanged.'
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
WITH SERDEPROPERTIES ('case.insensitive'='TRUE', 'ignore.malformed.json'='TRUE')
LOCATION 's3://your-bucket/customer/landing/'
TBLPROPERTIES ('classification'='json');
