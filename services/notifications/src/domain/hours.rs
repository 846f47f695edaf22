//! Times of the day where a person lives: when a mail may be sent, and when the next digest is due. Zones jump; this knows it.

use std::{fmt, str::FromStr};

use jiff::{
    Timestamp, ToSpan, Zoned,
    civil::{self, Weekday},
};
use time::{Date, OffsetDateTime};
use values::{Record, TimeZone, record};

/// A time of the day to the minute, such as `09:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay(i16);

/// A text that is no time of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a time of the day such as 09:00")]
pub struct BadTimeOfDay;

values::mistake!(BadTimeOfDay => Malformed);

const MINUTES_A_DAY: i16 = 24 * 60;

impl TimeOfDay {
    /// Nine in the morning.
    pub const NINE: Self = Self(9 * 60);

    /// As it is stored: minutes since midnight.
    pub const fn minutes(self) -> i16 {
        self.0
    }

    /// From what was stored.
    pub fn of_minutes(minutes: i16) -> Option<Self> {
        (0..MINUTES_A_DAY).contains(&minutes).then_some(Self(minutes))
    }

    fn of(local: civil::DateTime) -> Self {
        Self(i16::from(local.hour()) * 60 + i16::from(local.minute()))
    }

    fn on(self, date: civil::Date) -> civil::DateTime {
        let (hour, minute) = (self.0 / 60, self.0 % 60);
        date.at(i8::try_from(hour).unwrap_or_default(), i8::try_from(minute).unwrap_or_default(), 0, 0)
    }
}

/// Kept as minutes since midnight.
impl record::Stored<Self> for TimeOfDay {
    type As = i16;
    type Error = BadTimeOfDay;

    fn stored(time: &Self) -> i16 {
        time.minutes()
    }

    fn read(stored: i16) -> Result<Self, BadTimeOfDay> {
        Self::of_minutes(stored).ok_or(BadTimeOfDay)
    }
}

impl FromStr for TimeOfDay {
    type Err = BadTimeOfDay;

    /// Takes `HH:MM`.
    fn from_str(text: &str) -> Result<Self, BadTimeOfDay> {
        let digits = |text: &str| match text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            true => text.parse::<i16>().map_err(|_| BadTimeOfDay),
            false => Err(BadTimeOfDay),
        };
        let (hours, minutes) = text.split_once(':').ok_or(BadTimeOfDay)?;
        let (hours, minutes) = (digits(hours)?, digits(minutes)?);
        if hours < 24 && minutes < 60 { Ok(Self(hours * 60 + minutes)) } else { Err(BadTimeOfDay) }
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

/// A span of every day in which nothing is sent that can wait; over midnight where it ends before it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Record)]
#[record(constructor = new)]
pub struct QuietHours {
    #[record(with = TimeOfDay)]
    from: TimeOfDay,
    #[record(with = TimeOfDay)]
    to: TimeOfDay,
}

/// A span that is nothing or everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected another time than that of from")]
pub struct EndlessQuiet;

values::mistake!(EndlessQuiet => NotUnique);

impl QuietHours {
    pub fn new(from: TimeOfDay, to: TimeOfDay) -> Result<Self, EndlessQuiet> {
        if from == to { Err(EndlessQuiet) } else { Ok(Self { from, to }) }
    }

    pub const fn from(self) -> TimeOfDay {
        self.from
    }

    pub const fn to(self) -> TimeOfDay {
        self.to
    }

    /// The first instant from `at` on at which the clock on the person's wall shows no quiet time.
    ///
    /// The wall decides, whatever a zone does to its clocks: a span whose end is skipped in spring ends when the clocks jump; in
    /// autumn an hour that comes twice is quiet twice.
    pub fn release(self, at: OffsetDateTime, zone: &TimeZone) -> OffsetDateTime {
        let (Some(now), zone) = (timestamp(at), known(zone)) else { return at };
        if !self.covers(now.to_zoned(zone.clone()).datetime()) {
            return at;
        }
        let today = now.to_zoned(zone.clone()).date();
        let ends = (-1..=3).filter_map(|days| today.checked_add(days.days()).ok()).flat_map(|date| {
            let end = zone.to_ambiguous_timestamp(self.to.on(date));
            [end.earlier().ok(), end.later().ok()]
        });
        let jumps = zone.following(now).take(4).map(|jump| Some(jump.timestamp()));
        let candidates = ends.chain(jumps).flatten().filter(|candidate| *candidate > now);
        let first = candidates.filter(|end| !self.covers(end.to_zoned(zone.clone()).datetime())).min();
        first.and_then(instant).unwrap_or(at)
    }

    fn covers(self, local: civil::DateTime) -> bool {
        let time = TimeOfDay::of(local);
        match self.from < self.to {
            true => self.from <= time && time < self.to,
            false => self.from <= time || time < self.to,
        }
    }
}

/// How often digests are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, values::Named)]
pub enum Every {
    Day,
    /// On Mondays.
    Week,
}

/// When digests are made, where the person lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Record)]
pub struct DigestTimes {
    pub every: Every,
    #[record(with = TimeOfDay)]
    pub at: TimeOfDay,
}

impl Default for DigestTimes {
    fn default() -> Self {
        Self { every: Every::Day, at: TimeOfDay::NINE }
    }
}

/// When a digest is due, and the day that it is for, of which a person gets one at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    pub at: OffsetDateTime,
    pub day: Date,
}

impl DigestTimes {
    /// The first digest after an instant, for a day after `last`. A time that is skipped comes late, one that comes twice counts once.
    pub fn next(self, after: OffsetDateTime, zone: &TimeZone, last: Option<Date>) -> Option<Due> {
        let (now, zone) = (timestamp(after)?, known(zone));
        let today = now.to_zoned(zone.clone()).date();
        // A week, and a day that a zone may have skipped, and the week of a digest that came early.
        (0..=16).find_map(|days: i32| {
            let date = today.checked_add(days.days()).ok()?;
            let day = calendar(date)?;
            if self.every == Every::Week && date.weekday() != Weekday::Monday || last.is_some_and(|last| day <= last) {
                return None;
            }
            let at = zone.to_ambiguous_timestamp(self.at.on(date)).compatible().ok()?;
            if at > now { Some(Due { at: instant(at)?, day }) } else { None }
        })
    }
}

/// The zone's rules; a name that is not known any more is taken for UTC.
fn known(zone: &TimeZone) -> jiff::tz::TimeZone {
    jiff::tz::TimeZone::get(zone.as_str()).unwrap_or(jiff::tz::TimeZone::UTC)
}

fn timestamp(at: OffsetDateTime) -> Option<Timestamp> {
    Timestamp::from_nanosecond(at.unix_timestamp_nanos()).ok()
}

fn instant(at: Timestamp) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(at.as_nanosecond()).ok()
}

fn calendar(date: civil::Date) -> Option<Date> {
    Date::from_ordinal_date(date.year().into(), date.day_of_year().unsigned_abs()).ok()
}

/// The day of an instant in a zone.
pub fn local(at: OffsetDateTime, zone: &TimeZone) -> Zoned {
    timestamp(at).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(known(zone))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::{Duration, macros::datetime};

    use super::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::parse(name).unwrap()
    }

    fn quiet(from: &str, to: &str) -> QuietHours {
        QuietHours::new(from.parse::<TimeOfDay>().unwrap(), to.parse::<TimeOfDay>().unwrap()).unwrap()
    }

    #[test]
    fn times_of_the_day_are_read_as_they_are_written() {
        for text in ["00:00", "09:05", "23:59"] {
            let time = text.parse::<TimeOfDay>().unwrap();
            assert_eq!((time.to_string(), TimeOfDay::of_minutes(time.minutes())), (text.to_owned(), Some(time)));
        }
        for text in ["", "9:00", "24:00", "12:60", "12:00:00", "+1:00", "аб:00", "12-00"] {
            assert_eq!(text.parse::<TimeOfDay>(), Err(BadTimeOfDay), "{text}");
        }
        assert!(QuietHours::new(TimeOfDay::NINE, TimeOfDay::NINE).is_err());
    }

    #[test]
    fn a_night_ends_in_the_morning_and_a_day_is_not_quiet() {
        let (night, moscow) = (quiet("22:00", "08:00"), zone("Europe/Moscow"));
        assert_eq!(night.release(datetime!(2026-03-02 20:30 UTC), &moscow), datetime!(2026-03-03 05:00 UTC));
        assert_eq!(night.release(datetime!(2026-03-03 04:59:59 UTC), &moscow), datetime!(2026-03-03 05:00 UTC));
        for awake in [datetime!(2026-03-03 05:00 UTC), datetime!(2026-03-02 18:59 UTC)] {
            assert_eq!(night.release(awake, &moscow), awake);
        }
        let lesson = quiet("10:00", "12:00");
        assert_eq!(lesson.release(datetime!(2026-03-03 08:00 UTC), &moscow), datetime!(2026-03-03 09:00 UTC));
    }

    #[test]
    fn clocks_that_jump_do_not_confuse_it() {
        let berlin = zone("Europe/Berlin");
        // 02:30 does not exist on 29 March 2026: the clocks go from 02:00 to 03:00.
        let skipped = quiet("22:00", "02:30").release(datetime!(2026-03-28 23:00 UTC), &berlin);
        assert_eq!(skipped, datetime!(2026-03-29 01:00 UTC));
        // 02:30 comes twice on 25 October 2026: it ends at the first, and what comes in the second 02:10 waits for the second.
        let twice = quiet("22:00", "02:30");
        assert_eq!(twice.release(datetime!(2026-10-24 23:00 UTC), &berlin), datetime!(2026-10-25 00:30 UTC));
        assert_eq!(twice.release(datetime!(2026-10-25 01:10 UTC), &berlin), datetime!(2026-10-25 01:30 UTC));
    }

    #[test]
    fn a_digest_is_due_once_a_day_or_on_monday() {
        let moscow = zone("Europe/Moscow");
        let daily = DigestTimes::default();
        // Monday, 12:00 in Moscow.
        let now = datetime!(2026-03-02 09:00 UTC);
        let due = daily.next(now, &moscow, None).unwrap();
        assert_eq!(due, Due { at: datetime!(2026-03-03 06:00 UTC), day: time::macros::date!(2026 - 03 - 03) });
        // The last one was made already, before the person chose another time.
        let later = DigestTimes { at: "18:00".parse::<TimeOfDay>().unwrap(), ..daily };
        assert_eq!(later.next(due.at, &moscow, Some(due.day)).unwrap().at, datetime!(2026-03-04 15:00 UTC));
        let weekly = DigestTimes { every: Every::Week, ..daily };
        assert_eq!(weekly.next(now, &moscow, None).unwrap().at, datetime!(2026-03-09 06:00 UTC));
    }

    const ZONES: [&str; 8] = [
        "Europe/Moscow",
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "Asia/Kathmandu",
        "America/St_Johns",
        "UTC",
    ];

    proptest! {
        // Minute by minute, as somebody who watches the clock on the wall would do it.
        #[test]
        fn it_is_released_at_the_first_minute_that_is_not_quiet(
            minute in 0_i64..60 * 24 * 366, from in 0_i16..1440, to in 0_i16..1440, of in 0_usize..8, jump in 0_usize..3,
        ) {
            prop_assume!(from != to);
            let hours = QuietHours { from: TimeOfDay(from), to: TimeOfDay(to) };
            let zone = zone(ZONES[of]);
            let year = datetime!(2026-01-01 00:00 UTC);
            // Most instants are near a jump, where things go wrong.
            let near = known(&zone).following(timestamp(year).unwrap()).nth(jump).map(|jump| instant(jump.timestamp()).unwrap());
            let at = match near {
                Some(near) => near + Duration::minutes(minute % 3_000 - 1_500),
                None => year + Duration::minutes(minute),
            };
            // He looks at whole minutes.
            let at = at.replace_second(0).unwrap();
            let mut watched = at;
            while hours.covers(local(watched, &zone).datetime()) {
                watched += Duration::MINUTE;
            }
            prop_assert_eq!(hours.release(at, &zone), watched);
        }

        #[test]
        fn digests_follow_each_other_one_a_day(
            minute in 0_i64..60 * 24 * 366, time in 0_i16..1440, of in 0_usize..8, weekly: bool,
        ) {
            let zone = zone(ZONES[of]);
            let every = if weekly { Every::Week } else { Every::Day };
            let times = DigestTimes { every, at: TimeOfDay(time) };
            let now = datetime!(2026-01-01 00:00 UTC) + Duration::minutes(minute);
            let first = times.next(now, &zone, None).unwrap();
            let second = times.next(first.at, &zone, Some(first.day)).unwrap();
            prop_assert!(first.at > now && second.at > first.at);
            let days = if weekly { 7 } else { 1 };
            prop_assert_eq!(second.day - first.day, Duration::days(days));
            prop_assert!(first.at - now <= Duration::days(days) + Duration::hours(3));
        }
    }
}
