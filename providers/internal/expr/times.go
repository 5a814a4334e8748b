package expr

import (
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// zoneLayouts are how a time of day is followed by its zone; without one it is
// taken for UTC.
var zoneLayouts = []string{"", "Z07:00", "Z0700", "Z07", " Z07:00", " Z0700", " Z07", " MST", " -0700 MST"}

// timeLayouts are how providers write a time, beside numbers. Fractions of a
// second are read in all of them.
var timeLayouts = func() []string {
	layouts := []string{
		time.RFC3339, // first, since most write it: a layout that does not fit costs allocations
		time.RFC1123, time.RFC1123Z, "Mon, 2 Jan 2006 15:04:05 MST", "Mon, 2 Jan 2006 15:04:05 -0700",
		time.RFC850, time.ANSIC, time.UnixDate, time.RubyDate, "2006-01-02", "20060102",
	}
	for _, day := range []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", "20060102T150405", "20060102150405"} {
		for _, zone := range zoneLayouts {
			layouts = append(layouts, day+zone)
		}
	}
	return layouts
}()

// knownZones are the only abbreviations that mean one zone everywhere.
var knownZones = []string{"UTC", "GMT", "UT", "Z"}

const (
	// mostTimeText is longer than any way to write a time.
	mostTimeText = 64
	// The end of the year 9999, after which no time can be stored. Some write it where
	// there is no end.
	lastSecond = 253402300799
	// From these on a number is no longer one of seconds, milliseconds or
	// microseconds: it would be in the year 10000, and in 1978 in the next finer unit.
	fewestMillis = lastSecond + 1
	fewestMicros = fewestMillis * 1e3
	fewestNanos  = fewestMicros * 1e3
)

// dotNetDate is how .NET writes a time into JSON: /Date(1700000000000+0000)/.
var dotNetDate = regexp.MustCompile(`^/Date\((-?[0-9]+)(?:[+-][0-9]{4})?\)/$`)

// ReadTime reads a time as a provider writes it: a text, or a number of seconds,
// milliseconds, microseconds or nanoseconds since 1970. It is zero for what
// cannot be read, and for what is not after 1970.
func ReadTime(value any) time.Time {
	switch v := value.(type) {
	case string:
		text := plainTime(v)
		if len(text) > mostTimeText {
			return time.Time{}
		}
		if t, ok := parseTime(text); ok && isTime(t) {
			return t.UTC()
		}
		if t := readEpoch(text); isTime(t) {
			return t
		}
	case json.Number:
		if text := v.String(); slices.Contains(digitsOfTimes, len(text)) {
			return ReadTime(text)
		}
		if t := readEpoch(v.String()); isTime(t) {
			return t
		}
	}
	return time.Time{}
}

// digitsOfTimes is how many there are in a time of nothing else, as 20260301 and
// 20260301120000. Counted since 1970 it would be of that year, or after 2200.
var digitsOfTimes = []int{8, 14}

// isTime reports whether it is a time at which there were keys, and that can be stored.
func isTime(t time.Time) bool { return t.Year() > 1970 && t.Unix() <= lastSecond }

// plainTime is a text without what some write around a time: .NET's /Date(…)/, which leaves
// milliseconds, and the name of a zone behind its offset (RFC 9557).
func plainTime(text string) string {
	text = strings.TrimSpace(text)
	if millis := dotNetDate.FindStringSubmatch(text); millis != nil {
		return millis[1]
	}
	if named := strings.IndexByte(text, '['); named > 0 && strings.HasSuffix(text, "]") {
		return text[:named]
	}
	return text
}

func parseTime(text string) (time.Time, bool) {
	upper := strings.ToUpper(text)
	for _, layout := range timeLayouts {
		t, err := time.Parse(layout, text)
		if err != nil && upper != text {
			t, err = time.Parse(layout, upper) // 2026-03-01t12:00:00z
		}
		if err != nil {
			continue
		}
		if zone, offset := t.Zone(); strings.Contains(layout, "MST") && offset == 0 && !slices.Contains(knownZones, zone) {
			continue // an abbreviation that Go does not know counts as UTC there
		}
		return t, true
	}
	return time.Time{}, false
}

// readEpoch tells the unit of a number by its size.
func readEpoch(text string) time.Time {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n > 0) || n >= 1<<63 {
		return time.Time{}
	}
	unit := time.Second
	switch {
	case n >= fewestNanos:
		unit = time.Nanosecond
	case n >= fewestMicros:
		unit = time.Microsecond
	case n >= fewestMillis:
		unit = time.Millisecond
	}
	perSecond := int64(time.Second / unit)
	if math.Floor(n/float64(perSecond)) > lastSecond {
		return time.Time{}
	}
	if whole, err := strconv.ParseInt(text, 10, 64); err == nil { // exactly
		return time.Unix(whole/perSecond, whole%perSecond*int64(unit)).UTC()
	}
	return time.Unix(int64(n)/perSecond, int64(n)%perSecond*int64(unit)).UTC()
}

// endless are the words by which providers say that something has no end, in
// lower case.
var endless = []string{"", "never", "none", "null", "nil", "unlimited", "infinite", "infinity", "forever", "permanent", "no expiration", "n/a", "-"}

// IsEndless reports whether what was told as an end, or as a life in seconds,
// says that there is none: null, nothing, a word for it, 0, a number below, or a
// time before there were any keys, such as the year 1.
func IsEndless(told any) bool {
	switch v := told.(type) {
	case nil:
		return true
	case bool:
		return !v
	case json.Number:
		n, err := v.Float64()
		return err == nil && n <= 0
	case string:
		text := plainTime(v)
		if slices.Contains(endless, strings.ToLower(text)) {
			return true
		}
		if n, err := strconv.ParseFloat(text, 64); err == nil {
			return n <= 0
		}
		if strings.HasPrefix(text, "0000-00-00") { // MySQL's
			return true
		}
		t, ok := parseTime(text)
		return ok && t.Year() <= 1970
	}
	return false
}

// IsBeyondTime reports whether what was told as a time is the largest number of 64 bits,
// with or without a sign: no time in any unit, by which some say that there is none.
func IsBeyondTime(told any) bool {
	text, ok := told.(string)
	if number, is := told.(json.Number); is {
		text, ok = number.String(), true
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	return ok && err == nil && (n == math.MaxInt64 || n == math.MaxUint64)
}

// ReadSeconds reads a life as a provider tells it: a number of seconds, whole or
// not, also as text, or a duration such as "1h". ok is false for what cannot be
// read. More than any provider means is LongestGrant.
func ReadSeconds(told any) (life time.Duration, ok bool) {
	var text string
	switch v := told.(type) {
	case json.Number:
		text = v.String()
	case string:
		text = strings.TrimSpace(v)
	}
	if d, err := ParseDuration(text); err == nil {
		return min(d, LongestGrant), true
	}
	if len(text) > mostTimeText {
		return 0, false
	}
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil && seconds == 0 || seconds != seconds || seconds < 0 {
		return 0, false
	}
	if seconds >= LongestGrant.Seconds() {
		return LongestGrant, true
	}
	return time.Duration(seconds * float64(time.Second)), true
}

// LongestGrant is more than any provider means.
const LongestGrant = 200 * 365 * 24 * time.Hour
