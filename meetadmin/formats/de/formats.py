"""The same in German, where the day's number has a full stop."""

DATE_FORMAT = "j. M Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = "D, j. M Y, H:i"
SHORT_DATE_FORMAT = "j. M"
SHORT_DATETIME_FORMAT = "j. M, H:i"
