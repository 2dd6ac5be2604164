"""The same in German, where the day's number has a full stop."""

DATE_FORMAT = "j. M Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = "j. M Y, H:i"
MONTH_DAY_FORMAT = "j. M"
SHORT_DATE_FORMAT = "D, j. M Y"
SHORT_DATETIME_FORMAT = "D, j. M Y, H:i"
