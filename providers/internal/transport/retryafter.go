package transport

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// quotaHeaders are the pairs of headers by which providers tell how many
// requests are left and when there are more. They are spelled as net/http does:
// another spelling costs a conversion with every answer.
var quotaHeaders = []struct{ remaining, reset string }{
	{"Ratelimit-Remaining", "Ratelimit-Reset"},
	{"X-Ratelimit-Remaining", "X-Ratelimit-Reset"},
	{"X-Rate-Limit-Remaining", "X-Rate-Limit-Reset"},
	{"X-Ratelimit-Remaining-Requests", "X-Ratelimit-Reset-Requests"},
	{"Anthropic-Ratelimit-Requests-Remaining", "Anthropic-Ratelimit-Requests-Reset"},
}

// longestWait bounds what a header can say; it keeps sums of times in range.
const longestWait = 24 * time.Hour

// RetryAfter is how long an answer's header asks to wait: by Retry-After, else
// until an exhausted quota is renewed; 0 where it does not say.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	if wait := parseWait(h.Get("Retry-After"), now); wait > 0 {
		return wait
	}
	return quotaReset(h, now)
}

// quotaReset is how long until the quota that this answer exhausted is renewed,
// 0 where something is left.
func quotaReset(h http.Header, now time.Time) time.Duration {
	longest := structuredReset(h, now)
	for _, pair := range quotaHeaders {
		if isZero(h.Get(pair.remaining)) {
			longest = max(longest, parseWait(h.Get(pair.reset), now))
		}
	}
	return longest
}

// quotaSpent reports whether a header says that no request is left.
func quotaSpent(h http.Header) bool {
	for _, pair := range quotaHeaders {
		if isZero(h.Get(pair.remaining)) {
			return true
		}
	}
	return false
}

// structuredReset reads the later form of the standard: RateLimit: "name";r=0;t=30
func structuredReset(h http.Header, now time.Time) time.Duration {
	var longest time.Duration
	told := h.Values("Ratelimit")
	if len(told) == 0 {
		return 0
	}
	for _, policy := range strings.Split(strings.Join(told, ","), ",") {
		remaining, reset := "", ""
		for _, parameter := range strings.Split(policy, ";") {
			switch name, value, _ := strings.Cut(strings.TrimSpace(parameter), "="); name {
			case "r":
				remaining = value
			case "t":
				reset = value
			}
		}
		if isZero(remaining) {
			longest = max(longest, parseWait(reset, now))
		}
	}
	return longest
}

func isZero(text string) bool {
	if text == "" {
		return false
	}
	number, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	return err == nil && number == 0
}

// parseWait reads a time to wait as providers write it: seconds, a duration
// (6m0s), an HTTP or RFC 3339 date, or a Unix time in seconds or milliseconds.
func parseWait(text string, now time.Time) time.Duration {
	text = strings.TrimSpace(text)
	if text == "" {
		return 0
	}
	if number, err := strconv.ParseFloat(text, 64); err == nil {
		return bounded(numericWait(number, now))
	}
	if date, err := http.ParseTime(text); err == nil {
		return bounded(date.Sub(now).Seconds())
	}
	if date, err := time.Parse(time.RFC3339, text); err == nil {
		return bounded(date.Sub(now).Seconds())
	}
	if wait, err := time.ParseDuration(text); err == nil {
		return bounded(wait.Seconds())
	}
	return 0
}

// numericWait tells seconds from Unix times by their size: nobody waits 30
// years, and it is long past 1973 in milliseconds.
func numericWait(number float64, now time.Time) float64 {
	switch {
	case number < 1e9:
		return number
	case number < 1e11:
		return number - float64(now.UnixNano())/1e9
	default:
		return number/1e3 - float64(now.UnixNano())/1e9
	}
}

func bounded(seconds float64) time.Duration {
	if !(seconds > 0) { // NaN too
		return 0
	}
	return time.Duration(min(seconds, longestWait.Seconds()) * float64(time.Second))
}
