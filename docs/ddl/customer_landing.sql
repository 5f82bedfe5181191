CREATE EXTERNAL TABLE `stedi_raw`.`customer_landing` (
  `customername` string COMMENT 'Full name.',
  `email` string COMMENT 'Email as delivered; names the person once trimmed and in lower case.',
  `phone` string COMMENT 'Phone number.',
  `birthday` string COMMENT 'Date of birth as delivered (YYYY-MM-DD).',
  `serialnumber` string COMMENT 'Serial number of the person\'s Step Trainer.',
  `registrationdate` bigint COMMENT 'Instant of registration, epoch ms.',
  `lastupdatedate` bigint COMMENT 'Instant of this record, epoch ms; the latest is the one that counts.',
  `sharewithresearchasofdate` bigint COMMENT 'Consent: the instant from which data may be used for research, epoch ms.',
  `sharewithpublicasofdate` bigint COMMENT 'Instant from which data may be public, epoch ms.',
  `sharewithfriendsasofdate` bigint COMMENT 'Instant from which friends may see data, epoch ms.'
)
COMMENT 'Landing files of customer_landing, as delivered.'
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
WITH SERDEPROPERTIES ('case.insensitive'='TRUE', 'ignore.malformed.json'='TRUE')
LOCATION 's3://your-bucket/customer/landing/'
TBLPROPERTIES ('classification'='json');
